"""`make quick` leaves out exactly the tests that can start a process."""

import pytest

from tests.process_starters import starts_processes
from tests.proxy import worker_process
from tests.proxy.protocols import test_shared
from tests.reports import sample_tables


@pytest.mark.parametrize("module", [worker_process, test_shared])
def test_a_module_can_start_processes_itself_or_through_another(module: object) -> None:
    assert starts_processes(getattr(module, "__name__", ""))


def test_a_module_without_either_import_starts_no_process() -> None:
    assert not starts_processes(sample_tables.__name__)


def test_a_test_that_can_start_a_process_is_marked(
    request: pytest.FixtureRequest,
) -> None:
    assert request.node.get_closest_marker("process")
