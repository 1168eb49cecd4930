"""Job states survive a restart; an unreadable file counts as no states."""

from pathlib import Path

import pytest

from batcher.schedule.job_state import write_job_states
from warehouse.job_states import JobState, job_state_path, read_job_states

STATE = JobState(
    every_s=15,
    last_run_at=1_000.5,
    last_success_at=900.0,
    took_s=0.25,
    summary="913 events",
    failures=2,
    error="SpoolBrokenError",
    problem="load the spool: EIO",
    retry_at=1_030.5,
)


def test_states_can_be_read_back(tmp_path: Path) -> None:
    path = job_state_path(tmp_path)
    states = {"load": STATE, "build": JobState(every_s=30)}
    write_job_states(path, states)

    assert read_job_states(path) == states
    assert [file.name for file in tmp_path.iterdir()] == ["jobs.json"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b'{"load": {"every_s": ', id="torn"),
        pytest.param(b'{"load": {"every_s": "soon"}}', id="wrong type"),
        pytest.param(b"\xff\xfe", id="not text"),
    ],
)
def test_an_unreadable_file_counts_as_no_states(
    tmp_path: Path, content: bytes | None
) -> None:
    path = job_state_path(tmp_path)
    if content is not None:
        path.write_bytes(content)

    assert read_job_states(path) == {}
