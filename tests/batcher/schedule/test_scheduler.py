"""Jobs run at their intervals, one at a time; missed and failed runs are repeated."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from batcher.schedule.job_state import write_job_states
from batcher.schedule.job_worker import Job, retry_in_s
from batcher.schedule.scheduler import first_run_at, run_jobs
from config.errors import Busy, MillpondError, Retryable
from tests.waiting import wait_until
from warehouse.job_states import JobState, read_job_states

HOUR_S = 3_600.0


class DiskError(Retryable, MillpondError):
    """An error that a retry may resolve."""


class OtherProcessError(Busy, MillpondError):
    """Another process does the same job."""


class JobThread:
    """Jobs that run in a thread, and the result or error of their end."""

    def __init__(
        self, jobs: Sequence[Job], state_path: Path, stop: threading.Event
    ) -> None:
        self.state_path = state_path
        self.jump_s = 0.0
        self.stop = stop
        self.ended: list[bool | BaseException] = []
        self._thread = threading.Thread(target=self._run, args=[jobs])
        self._thread.start()

    def _run(self, jobs: Sequence[Job]) -> None:
        try:
            ended: bool | BaseException = run_jobs(
                jobs,
                state_path=self.state_path,
                clock=lambda: wall_s() + self.jump_s,
                steady_clock=time.monotonic,
                stop=self.stop,
                patience_s=0.5,
            )
        except BaseException as error:  # noqa: BLE001 - the test checks it
            ended = error
        self.ended.append(ended)

    def state(self, name: str) -> JobState | None:
        """Return the stored state of the job *name*."""
        return read_job_states(self.state_path).get(name)

    def failures(self, name: str) -> int:
        """Return the number of failures of *name* in a row."""
        state = self.state(name)
        return 0 if state is None else state.failures

    def end(self) -> bool | BaseException:
        """Stop the jobs, and return the result or error."""
        self.stop.set()
        self._thread.join()
        return self.ended[0]


def wall_s() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME)


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.json"


@contextmanager
def scheduled(
    state_path: Path, *jobs: Job, stop: threading.Event | None = None
) -> Iterator[JobThread]:
    running = JobThread(jobs, state_path, stop or threading.Event())
    try:
        yield running
    finally:
        running.end()


class RecordedWork:
    """The work of a job, which counts its runs and records their times."""

    def __init__(self, work: Callable[[], str | None] = lambda: None) -> None:
        self.count = 0
        self.times: list[float] = []
        self._work = work

    def __call__(self, now_s: float) -> str | None:
        """Record the run and do the work."""
        self.count += 1
        self.times.append(now_s)
        return self._work()


def job(name: str, run: Callable[[float], str | None], every_s: float = 0.05) -> Job:
    return Job(name=name, every_s=every_s, run=run)


def failing(error: BaseException) -> Callable[[], str | None]:
    def fail() -> str | None:
        raise error

    return fail


def test_jobs_run_repeatedly_with_the_current_time(state_path: Path) -> None:
    load, build = RecordedWork(), RecordedWork()
    before_s = wall_s()
    with scheduled(state_path, job("load", load), job("build", build)):
        wait_until(lambda: min(load.count, build.count) >= 3, "three runs of each")

    took_s = wall_s() - before_s
    assert before_s <= load.times[0] < load.times[1] < load.times[2] <= wall_s()
    assert load.count <= took_s / 0.05 + 1


def test_one_job_runs_at_a_time(state_path: Path) -> None:
    running = threading.Lock()
    overlaps = []

    def work() -> str | None:
        if not running.acquire(blocking=False):
            overlaps.append(1)
            return None
        # Long enough for the other job to become due.
        threading.Event().wait(0.02)
        running.release()
        return None

    load, build = RecordedWork(work), RecordedWork(work)
    jobs = (job("load", load, 0.01), job("build", build, 0.01))
    with scheduled(state_path, *jobs):
        wait_until(lambda: min(load.count, build.count) >= 5, "five runs of each")

    assert overlaps == []


def test_runs_missed_behind_a_long_job_are_done_once_by_priority(
    state_path: Path,
) -> None:
    order = []
    release = threading.Event()

    def compact() -> str | None:
        order.append("compact")
        release.wait()
        return None

    def recording(name: str) -> RecordedWork:
        return RecordedWork(lambda: order.append(name))

    load, build = recording("load"), recording("build")
    now_s = wall_s()
    # Only compact is due; the others become due while it runs.
    write_job_states(
        state_path,
        {
            "load": JobState(every_s=0.3, last_success_at=now_s),
            "build": JobState(every_s=0.3, last_success_at=now_s),
        },
    )
    with scheduled(
        state_path,
        job("load", load, 0.3),
        job("build", build, 0.3),
        job("compact", RecordedWork(compact), HOUR_S),
    ):
        wait_until(lambda: order == ["compact"], "compact to run")
        wait_until(lambda: wall_s() > now_s + 0.7, "the others to be due")
        assert order == ["compact"]
        release.set()
        wait_until(lambda: len(order) >= 3, "the others to run")

    assert order[1:3] == ["load", "build"]


@pytest.mark.parametrize(
    ("last_success_at", "first_at"),
    [
        pytest.param(None, 1_000.0, id="never ran: at once"),
        pytest.param(400.0, 1_000.0, id="missed runs: at once"),
        pytest.param(940.0, 1_000.0, id="just due: at once"),
        pytest.param(990.0, 1_050.0, id="ran recently: at its interval"),
        pytest.param(1_001.0, 1_000.0, id="ran in the future: at once"),
    ],
)
def test_the_first_run_of_a_job_is_when_it_is_due(
    last_success_at: float | None, first_at: float
) -> None:
    state = JobState(every_s=60, last_success_at=last_success_at)

    assert first_run_at(state, 60, 1_000.0) == first_at


def test_a_run_missed_while_the_batcher_was_down_is_done_at_the_start(
    state_path: Path,
) -> None:
    now_s = wall_s()
    write_job_states(
        state_path,
        {
            "retain": JobState(every_s=HOUR_S, last_success_at=now_s - 2 * HOUR_S),
            "compact": JobState(every_s=HOUR_S, last_success_at=now_s - HOUR_S / 2),
        },
    )
    retain, compact, load = RecordedWork(), RecordedWork(), RecordedWork()
    with scheduled(
        state_path,
        job("retain", retain, HOUR_S),
        job("compact", compact, HOUR_S),
        job("load", load),
    ):
        wait_until(lambda: load.count >= 3, "three loads")

    assert (retain.count, compact.count) == (1, 0)


def test_a_run_is_recorded(state_path: Path) -> None:
    before_s = wall_s()
    load = RecordedWork(lambda: "913 events")
    with scheduled(state_path, job("load", load, HOUR_S)) as running:
        wait_until(lambda: running.state("load"), "the state to be written")
        state = running.state("load")

    assert state is not None
    assert (state.summary, state.failures, state.error) == ("913 events", 0, None)
    assert state.last_success_at == state.last_run_at
    assert before_s <= (state.last_success_at or 0) <= wall_s()


def test_a_failure_is_recorded_and_stops_no_other_job(state_path: Path) -> None:
    build = RecordedWork(
        failing(MillpondError("build: no such column", hint="rebuild"))
    )
    load = RecordedWork()
    with scheduled(state_path, job("load", load), job("build", build)) as running:
        wait_until(lambda: running.failures("build") >= 2, "two failures")
        wait_until(lambda: load.count >= 3, "three loads")
        state = running.state("build")

    assert state is not None
    assert (state.error, state.last_success_at) == ("MillpondError", None)
    assert state.problem == "build: no such column\n  hint: rebuild"
    assert state.retry_at is None


def test_a_job_that_another_process_does_is_no_failure(
    state_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def build() -> str | None:
        if runs.count < 3:
            raise OtherProcessError("build: another build is running")
        return "built"

    runs = RecordedWork(build)
    with scheduled(state_path, job("build", runs)) as running:
        wait_until(lambda: runs.count >= 2, "two tries")
        failures = running.failures("build")
        wait_until(lambda: running.state("build") and runs.count >= 3, "the build")

    assert failures == 0
    assert "job_failed" not in caplog.text


def test_the_text_of_an_unexpected_error_is_neither_stored_nor_logged(
    state_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load = RecordedWork(failing(ValueError("could not parse 'mia@example.org'")))
    with scheduled(state_path, job("load", load)) as running:
        wait_until(lambda: running.failures("load") >= 1, "a failure")

    assert "mia" not in state_path.read_text()
    assert "mia" not in caplog.text
    assert "job_failed" in caplog.text
    assert "error=ValueError" in caplog.text


def test_a_success_resets_the_failures(state_path: Path) -> None:
    def succeed_later() -> str | None:
        if load.count < 3:
            raise DiskError("load: disk full")
        return None

    load = RecordedWork(succeed_later)
    with scheduled(state_path, job("load", load)) as running:
        wait_until(lambda: load.count >= 3 and not running.failures("load"), "success")
        state = running.state("load")

    assert state is not None
    assert (state.error, state.problem, state.retry_at) == (None, None, None)


@pytest.mark.parametrize(
    ("every_s", "expected"),
    [
        pytest.param(
            HOUR_S, [15, 30, 60, 120, 240, 300, 300], id="long before the next run"
        ),
        pytest.param(5.0, [5, 10, 20, 40, 80, 160, 300], id="with growing delays"),
    ],
)
def test_a_retryable_failure_is_retried_with_growing_delays(
    every_s: float, expected: list[float]
) -> None:
    got = [retry_in_s(failures, every_s) for failures in range(1, 8)]

    assert got == expected
    assert retry_in_s(10_000, every_s) == 300


def test_retries_run_after_their_delays(state_path: Path) -> None:
    load = RecordedWork(failing(DiskError("load: disk full")))
    with scheduled(state_path, job("load", load, 0.1)) as running:
        wait_until(lambda: load.count >= 4, "four tries")

    gaps = [
        after - before
        for before, after in zip(load.times, load.times[1:], strict=False)
    ]
    for gap_s, least_s in zip(gaps, [0.1, 0.2, 0.4], strict=False):
        assert gap_s >= least_s - 0.01
    assert running.state("load") is not None


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0, 25 * HOUR_S])
def test_after_a_clock_jump_all_jobs_run_at_once(
    state_path: Path, jump_s: float
) -> None:
    retain = RecordedWork()
    with scheduled(state_path, job("retain", retain, HOUR_S)) as running:
        wait_until(lambda: retain.count == 1, "the first run")
        running.jump_s = jump_s
        wait_until(lambda: retain.count >= 2, "a run after the jump")


def test_a_stop_waits_for_the_running_job(state_path: Path) -> None:
    def work() -> str | None:
        started.set()
        stop.wait()
        threading.Event().wait(0.1)
        return "done"

    started, stop = threading.Event(), threading.Event()
    load = job("load", RecordedWork(work), HOUR_S)
    with scheduled(state_path, load, stop=stop) as running:
        started.wait()
        ended = running.end()

    state = running.state("load")
    assert state is not None
    assert (ended, state.summary) == (True, "done")


def test_a_stop_does_not_wait_for_a_job_that_does_not_end(state_path: Path) -> None:
    def work() -> str | None:
        started.set()
        release.wait()
        return None

    started, release = threading.Event(), threading.Event()
    with scheduled(state_path, job("load", RecordedWork(work), HOUR_S)) as running:
        started.wait()
        ended = running.end()
        release.set()

    assert ended is False


def test_a_panic_in_a_job_ends_the_scheduler(state_path: Path) -> None:
    class PanicError(BaseException):
        """Stands for a panic in a native library."""

    panic = PanicError("row ('mia@example.org')")
    with scheduled(state_path, job("load", RecordedWork(failing(panic)))) as running:
        wait_until(lambda: running.ended, "the end")

    assert running.ended == [panic]


def test_a_state_that_cannot_be_written_stops_no_job(tmp_path: Path) -> None:
    load = RecordedWork()
    with scheduled(tmp_path / "missing" / "jobs.json", job("load", load)):
        wait_until(lambda: load.count >= 3, "three loads")
