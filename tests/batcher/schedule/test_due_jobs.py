"""The most urgent due job runs next, and no job waits for ever."""

import threading

import pytest

from batcher.schedule.due_jobs import DueJobs

NAMES = ("load", "build", "compact")


def take_jobs(due: DueJobs, count: int) -> list[str | None]:
    return [due.take() for _ in range(count)]


@pytest.mark.parametrize(
    "added",
    [
        pytest.param(["load", "build", "compact"], id="in order"),
        pytest.param(["compact", "build", "load"], id="in reverse"),
        pytest.param(["build", "load", "build", "compact", "load"], id="repeated"),
    ],
)
def test_due_jobs_run_once_in_order_of_urgency(added: list[str]) -> None:
    due = DueJobs(NAMES)
    for name in added:
        due.add(name)
    got = take_jobs(due, 3)
    due.close()

    assert got == ["load", "build", "compact"]
    assert due.take() is None


def test_a_job_that_is_always_due_does_not_block_the_others() -> None:
    due = DueJobs(NAMES)
    due.add("build")
    due.add("compact")
    got = []
    for _ in range(8):
        due.add("load")
        got += take_jobs(due, 1)

    assert set(got) == set(NAMES)


def test_a_discarded_job_is_not_due() -> None:
    due = DueJobs(NAMES)
    for name in ("build", "load"):
        due.add(name)
    due.discard("load")
    due.discard("compact")

    assert due.take() == "build"


def test_take_waits_for_a_job() -> None:
    due = DueJobs(NAMES)
    got: list[str | None] = []
    taker = threading.Thread(target=lambda: got.append(due.take()))
    taker.start()
    due.add("load")
    taker.join()

    assert got == ["load"]


def test_closing_ends_the_wait_and_discards_due_jobs() -> None:
    due = DueJobs(NAMES)
    due.add("load")
    due.close()

    assert due.take() is None
