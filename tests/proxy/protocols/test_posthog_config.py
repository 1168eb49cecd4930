"""Settings requests of PostHog clients get responses that disable other features."""

import json
from typing import Any

import pytest

from proxy.protocols import posthog
from proxy.protocols.posthog_config import (
    read_config,
    read_decide,
    read_flags,
    read_script,
)
from proxy.protocols.protocol import Reply
from tests.proxy.protocols.vendor_requests import vendor_request

SCRIPT_START = (
    "(function(){var all=window._POSTHOG_REMOTE_CONFIG"
    "=window._POSTHOG_REMOTE_CONFIG||{};"
)
# Features that a client enables unless the settings disable them.
OFF = {
    "autocapture_opt_out": True,
    "autocaptureExceptions": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "hasFeatureFlags": False,
    "heatmaps": False,
    "sessionRecording": False,
}


def script(key: str) -> Reply:
    """Return the configuration script for *key*."""
    return read_script(vendor_request(method="GET", path_parameters=(key,)))


def settings() -> dict[str, Any]:
    """Return the settings for a client."""
    got: dict[str, Any] = json.loads(read_config(vendor_request(method="GET")).body)
    return got


def test_the_script_sets_the_settings_the_client_reads() -> None:
    text = script("phc_shop").body.decode()
    body = text.removeprefix(f'{SCRIPT_START}all["phc_shop"]={{config:')

    assert json.loads(body.removesuffix(",siteApps:[]};})();")) == settings()


def test_settings_disable_unsupported_features_and_allow_compression() -> None:
    got = settings()

    assert got.items() >= OFF.items()
    assert "gzip-js" in got["supportedCompression"]
    assert "surveys" not in got


def test_settings_name_an_event_path_on_the_same_host() -> None:
    paths = {f"{route.path}/" for route in posthog.PROTOCOL.routes}

    assert settings()["analytics"]["endpoint"] in paths


def test_flags_and_decide_return_no_flags() -> None:
    flags = json.loads(read_flags(vendor_request()).body)
    decided = json.loads(read_decide(vendor_request()).body)

    assert flags["featureFlags"] == flags["flags"] == {}
    assert decided == settings() | flags


@pytest.mark.parametrize("key", ['x"]=alert(1)', "a b", "é", "k" * 201, "%22", "<b>"])
def test_a_script_contains_only_a_valid_key(key: str) -> None:
    got = script(key)

    assert got.status == 404
    assert key not in got.body.decode()


def test_settings_are_equal_for_all_and_cacheable() -> None:
    for got in (script("phc_shop"), read_config(vendor_request(method="GET"))):
        assert got.headers == {"Cache-Control": "public, max-age=300"}
