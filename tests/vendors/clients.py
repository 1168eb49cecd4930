"""The clients of the vendors, and how to make each one send a visit.

`make clients` installs them; otherwise their tests skip, or fail with CI=true.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from tests.programs import need
from tests.vendors.visit import PERSON, visit

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
PYTHON = FOLDER.parents[1] / ".venv-vendors" / "bin" / "python"
_PATIENCE_S = 60
# A Python client that ignores its host reaches no server; Node ignores this setting.
_NOBODY = {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}

# The number of events of each name that a client got.
Sent = Counter[str]
Options = Mapping[str, Any]


class Kind(StrEnum):
    """Where a client runs."""

    BROWSER = "browser"
    NODE = "node"
    PYTHON = "python"


class Protocol(StrEnum):
    """The protocol of a client."""

    POSTHOG = "posthog"
    SEGMENT = "segment"
    RUDDERSTACK = "rudderstack"
    MIXPANEL = "mixpanel"
    PLAUSIBLE = "plausible"
    UMAMI = "umami"
    GA4 = "ga4"


# The site key of each protocol; the clients of Umami and Google check its format.
KEYS: Mapping[Protocol, str] = {
    Protocol.POSTHOG: "phc_shop",
    Protocol.SEGMENT: "shop-write-key",
    Protocol.RUDDERSTACK: "shop-write-key",
    Protocol.MIXPANEL: "shop-token",
    Protocol.PLAUSIBLE: "shop.example",
    Protocol.UMAMI: "1f0f5a2e-7731-4c1d-9a53-0d6f5b1c7731",
    Protocol.GA4: "G-SHOP7731",
}

# Automatic events of browser clients: at the end of a page, or with the first event.
BY_ITSELF: Mapping[Protocol, frozenset[str]] = {
    Protocol.POSTHOG: frozenset({"$pageleave"}),
    Protocol.MIXPANEL: frozenset({"engage:$set_once"}),
    Protocol.PLAUSIBLE: frozenset({"engagement"}),
    Protocol.GA4: frozenset({"user_engagement"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client in one version, with one set of options."""

    name: str
    kind: Kind
    protocol: Protocol
    driver: str
    options: Options = field(default_factory=dict)
    # For settings that a client reads only from the environment.
    environment: Mapping[str, str] = field(default_factory=dict)
    # For a browser client: its built file below node_modules, and whether a page
    # imports the file or loads it with a script element.
    file: str = ""
    is_module: bool = False

    @property
    def key(self) -> str:
        """The key of its site."""
        return KEYS[self.protocol]


def _node(
    name: str, protocol: Protocol, driver: str, options: Options | None = None
) -> Client:
    return _server(Kind.NODE, name, protocol, f"node/{driver}.mjs", options)


def _python(
    name: str, protocol: Protocol, driver: str, options: Options | None = None
) -> Client:
    return _server(Kind.PYTHON, name, protocol, f"python/{driver}.py", options)


def _server(
    kind: Kind, name: str, protocol: Protocol, driver: str, options: Options | None
) -> Client:
    return Client(
        name=name, kind=kind, protocol=protocol, driver=driver, options=options or {}
    )


SERVER_CLIENTS = (
    _node("posthog-node", Protocol.POSTHOG, "posthog_node"),
    replace(
        _node("posthog-node, v1", Protocol.POSTHOG, "posthog_node"),
        environment={"POSTHOG_CAPTURE_MODE": "v1"},
    ),
    _node(
        "posthog-node, not packed",
        Protocol.POSTHOG,
        "posthog_node",
        {"disableCompression": True},
    ),
    _node("segment-node", Protocol.SEGMENT, "segment_node"),
    _node("rudder-node", Protocol.RUDDERSTACK, "rudder_node"),
    _node("mixpanel-node", Protocol.MIXPANEL, "mixpanel_node"),
    _node("umami-node", Protocol.UMAMI, "umami_node"),
    _python("posthog-python", Protocol.POSTHOG, "posthog_python"),
    _python(
        "posthog-python, v1", Protocol.POSTHOG, "posthog_python", {"capture_mode": "v1"}
    ),
    _python(
        "posthog-python, packed", Protocol.POSTHOG, "posthog_python", {"gzip": True}
    ),
    _python("segment-python", Protocol.SEGMENT, "segment_python"),
    _python(
        "segment-python, packed", Protocol.SEGMENT, "segment_python", {"gzip": True}
    ),
    _python("rudder-python", Protocol.RUDDERSTACK, "rudder_python"),
    _python("mixpanel-python", Protocol.MIXPANEL, "mixpanel_python"),
    _python("umami-python", Protocol.UMAMI, "umami_python"),
    _python("ga4mp-python", Protocol.GA4, "ga4_python"),
)


def _browser(
    name: str,
    protocol: Protocol,
    driver: str,
    file: str,
    options: Options | None = None,
) -> Client:
    return Client(
        name=name,
        kind=Kind.BROWSER,
        protocol=protocol,
        driver=f"{driver}.js",
        options=options or {},
        file=file,
        is_module=driver in {"posthog_js", "plausible"},
    )


BROWSER_CLIENTS = (
    _browser("posthog-js", Protocol.POSTHOG, "posthog_js", "posthog-js/dist/module.js"),
    _browser(
        "posthog-js, not packed",
        Protocol.POSTHOG,
        "posthog_js",
        "posthog-js/dist/module.js",
        {"disable_compression": True},
    ),
    _browser(
        "posthog-js 1.200",
        Protocol.POSTHOG,
        "posthog_js",
        "posthog-js-1.200/dist/module.js",
    ),
    _browser(
        "posthog-js 1.96", Protocol.POSTHOG, "posthog_js", "posthog-js-1.96/dist/es.js"
    ),
    _browser(
        "segment-next",
        Protocol.SEGMENT,
        "segment_next",
        "@segment/analytics-next/dist/umd/index.js",
    ),
    _browser(
        "segment-next, batching",
        Protocol.SEGMENT,
        "segment_next",
        "@segment/analytics-next/dist/umd/index.js",
        {"deliveryStrategy": {"strategy": "batching", "config": {"timeout": 250}}},
    ),
    _browser(
        "segment-next, told only where settings are",
        Protocol.SEGMENT,
        "segment_next",
        "@segment/analytics-next/dist/umd/index.js",
        {"cdnOnly": True},
    ),
    _browser(
        "segment-next 1.52",
        Protocol.SEGMENT,
        "segment_next",
        "@segment/analytics-next-1.52/dist/umd/index.js",
    ),
    _browser(
        "rudder-js",
        Protocol.RUDDERSTACK,
        "rudder_js",
        "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
    ),
    _browser(
        "rudder-js, by beacon",
        Protocol.RUDDERSTACK,
        "rudder_js",
        "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js",
        {"useBeacon": True, "beaconQueueOptions": {"flushQueueInterval": 250}},
    ),
    _browser(
        "mixpanel-browser",
        Protocol.MIXPANEL,
        "mixpanel_browser",
        "mixpanel-browser/dist/mixpanel.umd.js",
    ),
    _browser(
        "mixpanel-browser, one by one",
        Protocol.MIXPANEL,
        "mixpanel_browser",
        "mixpanel-browser/dist/mixpanel.umd.js",
        {"batch_requests": False},
    ),
    _browser(
        "mixpanel-browser 2.45",
        Protocol.MIXPANEL,
        "mixpanel_browser",
        "mixpanel-browser-2.45/dist/mixpanel.umd.js",
    ),
    _browser(
        "plausible",
        Protocol.PLAUSIBLE,
        "plausible",
        "@plausible-analytics/tracker/plausible.js",
    ),
    _browser(
        "plausible-tracker 0.3",
        Protocol.PLAUSIBLE,
        "plausible",
        "plausible-tracker/build/module/index.js",
    ),
    _browser("umami 2", Protocol.UMAMI, "umami", "umami/src/tracker/index.js"),
    _browser(
        "minimal-analytics",
        Protocol.GA4,
        "ga4_minimal",
        "@minimal-analytics/ga4/dist/index.js",
    ),
    _browser(
        "ga4mp-browser",
        Protocol.GA4,
        "ga4_mp",
        "@analytics-debugger/ga4mp/dist/ga4mp.iife.js",
    ),
)


def send(client: Client, host: str, person: Mapping[str, str] = PERSON) -> Sent:
    """Send the visit with a server client to *host*; return the count of each event.

    The client has flushed, and its process has ended, when this function returns.
    """
    data = visit(
        host=host,
        key=client.key,
        site="https://shop.example",
        referrer="https://news.example",
        options=dict(client.options),
        person=dict(person),
    )
    ran = subprocess.run(
        [_runtime(client.kind), str(FOLDER / client.driver), json.dumps(data)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        env={"PATH": os.environ["PATH"], **_NOBODY, **client.environment},
    )
    assert ran.returncode == 0, ran.stderr
    return Counter(json.loads(ran.stdout.splitlines()[-1]))


def _runtime(kind: Kind) -> Path:
    match kind:
        case Kind.NODE:
            need_clients(MODULES)
            return need("node")
        case Kind.PYTHON:
            need_clients(PYTHON)
            return PYTHON
        case Kind.BROWSER:
            raise AssertionError("a browser's client is told by visit_in_browser")


def need_clients(path: Path) -> None:
    """Skip the test, or fail it with CI=true, if *path* is not installed."""
    if path.exists():
        return
    reason = "the vendors' clients are not installed; `make clients` installs them"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
