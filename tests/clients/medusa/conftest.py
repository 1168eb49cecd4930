"""Fixtures for the tests of the Medusa provider."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.clients.medusa.analytics_module import Analytics
from tests.clients.medusa.shared_millpond import Millpond
from tests.proxy.protocols.replay import UNSEALED
from tests.proxy.worker_process import WorkerProcess, reserved_port
from tests.vendors.conftest import visitors

__all__ = ["visitors"]

# The key of the tests, and its digest in Millpond's settings.
KEY = "medusa-test-key-7731"
SITE = {
    "secret_keys": ["sha256:" + hashlib.sha256(KEY.encode()).hexdigest()],
    "props_allow": ["plan", "gift"],
}


@pytest.fixture(scope="module")
def analytics() -> Iterator[Analytics]:
    """Yield the module in its process; Medusa takes seconds to load."""
    with Analytics() as module:
        yield module


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Yield a running Millpond with the key of the shop."""
    folder = tmp_path_factory.mktemp("millpond")
    prefix = {"path_prefix": "/stats"}
    with (
        reserved_port() as port,
        WorkerProcess(
            folder, proxy=prefix, site=SITE, spool=UNSEALED, port=port
        ) as running,
    ):
        yield running


@pytest.fixture
def millpond(worker: WorkerProcess) -> Millpond:
    """Return Millpond without the events of earlier tests."""
    return Millpond(worker)
