"""The message about a full spool names the state of the load job."""

import pytest

from batcher.spool.lane import SpoolBrokenError
from batcher.spool.quota import SpoolFullError
from proxy.routes.readiness import job_problems, write_problem
from warehouse.job_states import JobState

NOW = 1_795_334_400.0
FULL = SpoolFullError("append to the spool: it is full")
FAILING = JobState(
    every_s=15,
    last_success_at=NOW - 60,
    failures=2,
    failing_since=NOW - 45,
    problem="open lane 'import': EACCES",
)


@pytest.mark.parametrize(
    ("problem", "load", "message"),
    [
        pytest.param(
            FULL,
            FAILING,
            "full (spool.max_bytes): loading has not succeeded since"
            " 2026-11-22T07:59:00Z, failed 2 times: open lane 'import': EACCES",
            id="loading fails",
        ),
        pytest.param(
            FULL,
            JobState(every_s=15, last_success_at=NOW - 60),
            "full (spool.max_bytes): loading has not succeeded since"
            " 2026-11-22T07:59:00Z: is the batcher running?",
            id="no load runs",
        ),
        pytest.param(
            FULL,
            JobState(every_s=15, last_success_at=NOW - 5),
            "full (spool.max_bytes): events arrive faster than they are loaded",
            id="too much arrives",
        ),
        pytest.param(
            FULL,
            None,
            "full (spool.max_bytes): no batcher has run on this spool yet",
            id="no batcher",
        ),
        pytest.param(
            SpoolBrokenError("append to the spool: EIO"),
            FAILING,
            "the last write did not reach the disk",
            id="not full",
        ),
    ],
)
def test_a_failed_write_names_its_cause(
    problem: Exception, load: JobState | None, message: str
) -> None:
    states = {} if load is None else {"load": load}

    assert write_problem(problem, states, NOW) == message


def test_a_failing_job_is_reported_from_its_first_failure() -> None:
    first = JobState(every_s=15, last_success_at=NOW - 5, failures=1, error="OSError")

    (entry,) = job_problems({"build": first}, NOW).items()

    problem = "has not succeeded since 2026-11-22T07:59:55Z, failed once: OSError"
    assert entry == ("job build", problem)
