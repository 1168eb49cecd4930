"""`make quick` leaves out the tests that can start a process, and no others."""

import pytest

from tests.process_starters import starts_processes
from tests.proxy import worker_process
from tests.proxy.protocols import test_shared
from tests.reports import stored


@pytest.mark.parametrize("module", [worker_process, test_shared])
def test_a_module_starts_processes_itself_or_through_another(module: object) -> None:
    assert starts_processes(getattr(module, "__name__", ""))


def test_a_module_that_uses_neither_starts_none() -> None:
    assert not starts_processes(stored.__name__)


def test_a_test_that_can_start_a_process_is_marked(
    request: pytest.FixtureRequest,
) -> None:
    assert request.node.get_closest_marker("process")
