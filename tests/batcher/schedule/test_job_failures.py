"""A failing job records since when and why, and logs the path of a lost state file."""

from pathlib import Path

import pytest

from config.files import ForeignFileError
from tests.batcher.schedule.test_scheduler import (
    DiskError,
    RecordedWork,
    failing,
    job,
    scheduled,
    wall_s,
)
from tests.waiting import wait_until


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.json"


def test_a_failed_write_of_the_states_is_logged_once_with_its_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "gone" / "jobs.json"
    load = RecordedWork()
    with scheduled(path, job("load", load, 0.1)):
        wait_until(lambda: load.count >= 5, "five loads")

    lost = [line for line in caplog.messages if "lost" in line]
    assert len(lost) == 1
    assert f"file={path}" in lost[0]


def test_the_state_has_the_time_of_the_first_failure(state_path: Path) -> None:
    before_s = wall_s()
    fails = RecordedWork(failing(DiskError("load: the disk is on fire")))
    with scheduled(state_path, job("load", fails, 0.1)) as running:
        wait_until(lambda: running.failures("load") >= 3, "three failures")
        state = running.state("load")

    assert state is not None
    assert state.failing_since is not None
    assert before_s <= state.failing_since < before_s + 0.2


def test_a_file_error_is_recorded_and_logged_with_its_path(
    state_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused = FileNotFoundError(2, "No such file", "/srv/millpond/build.lock")
    with scheduled(state_path, job("build", RecordedWork(failing(refused)))) as running:
        wait_until(lambda: running.failures("build") >= 1, "a failure")
        state = running.state("build")

    assert state is not None
    assert state.reason() == "/srv/millpond/build.lock: ENOENT"
    assert "file=/srv/millpond/build.lock" in caplog.text


def test_the_log_names_a_file_of_another_user(
    state_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = ForeignFileError("load the spool: EACCES", tmp_path / "load.lock")
    with scheduled(state_path, job("load", RecordedWork(failing(foreign)))) as running:
        wait_until(lambda: running.failures("load") >= 1, "a failure")

    assert "error=ForeignFileError" in caplog.text
    assert f"file={tmp_path}/load.lock" in caplog.text
