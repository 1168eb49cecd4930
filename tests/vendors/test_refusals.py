"""Applications get an error in our words, and no crash, from vendors' real clients."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.programs import need
from tests.proxy.worker.test_durability import limit_files
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.clients import FOLDER, KEYS, MODULES, PYTHON, need_clients

KEPT = "the events were not kept; send them again"
SITE = {"keys": [*dict.fromkeys(KEYS.values())]}


def outcomes(program: Path, driver: str, worker: WorkerProcess) -> Any:
    """Return what each client of *driver* made of the worker's answer."""
    setup = {"host": f"http://127.0.0.1:{worker.port}", "keys": KEYS}
    ran = subprocess.run(
        [program, FOLDER / driver, json.dumps(setup)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"no_proxy": "127.0.0.1"},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[WorkerProcess]:
    """Return a worker that can write nothing."""
    with WorkerProcess(tmp_path, site=SITE) as worker:
        limit_files(worker, 0)
        yield worker


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[WorkerProcess]:
    """Return a worker that knows none of the keys."""
    with WorkerProcess(tmp_path, site={"keys": ["another"]}) as worker:
        yield worker


def test_python_clients_name_what_could_not_be_kept(full: WorkerProcess) -> None:
    need_clients(PYTHON)

    assert outcomes(PYTHON, "python/refusals.py", full) == {
        "mixpanel_event": ["MixpanelException", f"Mixpanel error: {KEPT}"],
        "mixpanel_import": ["MixpanelException", f"Mixpanel error: {KEPT}"],
        "posthog_batch": ["APIError", f"[PostHog] {KEPT} (503)"],
        "segment_batch": ["APIError", f"[Segment] service_unavailable: {KEPT} (503)"],
        "rudderstack_batch": [
            "APIError",
            f"[rudderstack] service_unavailable: {KEPT} (503)",
        ],
    }


def test_python_clients_name_a_wrong_key(strange: WorkerProcess) -> None:
    need_clients(PYTHON)
    got = outcomes(PYTHON, "python/refusals.py", strange)

    # RudderStack's client sends again what has no code: for ever, if the key is wrong.
    assert {name: kind for name, (kind, _) in got.items()} == {
        "mixpanel_event": "MixpanelException",
        "mixpanel_import": "MixpanelException",
        "posthog_batch": "APIError",
        "segment_batch": "APIError",
        "rudderstack_batch": "APIError",
    }
    assert (
        "unauthorized: no site has this write key (401)"
        in (got["rudderstack_batch"][1])
    )


def test_the_node_client_names_what_could_not_be_kept(full: WorkerProcess) -> None:
    need_clients(MODULES)
    got = outcomes(need("node"), "node/refusals.mjs", full)

    assert got["verbose"] == f"Error: Mixpanel Server Error: {KEPT}"
    assert KEPT in got["plain"]
