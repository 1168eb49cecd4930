"""Jobs run on their intervals, one at a time; missed and failed runs are made good."""

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
    """Something that may heal."""


class ElsewhereError(Busy, MillpondError):
    """Another process is at it."""


class Scheduled:
    """Jobs running in a thread, and what their end returned or raised."""

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
        except BaseException as error:  # noqa: BLE001 - what the test looks at
            ended = error
        self.ended.append(ended)

    def state(self, name: str) -> JobState | None:
        """Return what is remembered of *name*."""
        return read_job_states(self.state_path).get(name)

    def failures(self, name: str) -> int:
        """Return how often *name* has failed in a row."""
        state = self.state(name)
        return 0 if state is None else state.failures

    def end(self) -> bool | BaseException:
        """Stop, and return what running returned or raised."""
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
) -> Iterator[Scheduled]:
    running = Scheduled(jobs, state_path, stop or threading.Event())
    try:
        yield running
    finally:
        running.end()


class Runs:
    """A job's work that counts itself, and watches that nothing runs beside it."""

    def __init__(self, work: Callable[[], str | None] = lambda: None) -> None:
        self.count = 0
        self.at: list[float] = []
        self._work = work

    def __call__(self, now_s: float) -> str | None:
        """Do the work once."""
        self.count += 1
        self.at.append(now_s)
        return self._work()


def job(name: str, run: Callable[[float], str | None], every_s: float = 0.05) -> Job:
    return Job(name=name, every_s=every_s, run=run)


def failing(error: BaseException) -> Callable[[], str | None]:
    def fail() -> str | None:
        raise error

    return fail


def test_jobs_run_again_and_again_and_are_given_the_time(state_path: Path) -> None:
    load, build = Runs(), Runs()
    before_s = wall_s()
    with scheduled(state_path, job("load", load), job("build", build)):
        wait_until(lambda: min(load.count, build.count) >= 3, "three runs of each")

    took_s = wall_s() - before_s
    assert before_s <= load.at[0] < load.at[1] < load.at[2] <= wall_s()
    assert load.count <= took_s / 0.05 + 1


def test_one_job_runs_at_a_time(state_path: Path) -> None:
    running = threading.Lock()
    overlaps = []

    def work() -> str | None:
        if not running.acquire(blocking=False):
            overlaps.append(1)
            return None
        # Long enough that the other is due meanwhile.
        threading.Event().wait(0.02)
        running.release()
        return None

    load, build = Runs(work), Runs(work)
    jobs = (job("load", load, 0.01), job("build", build, 0.01))
    with scheduled(state_path, *jobs):
        wait_until(lambda: min(load.count, build.count) >= 5, "five runs of each")

    assert overlaps == []


def test_runs_missed_behind_a_long_job_are_made_up_once_in_order_of_priority(
    state_path: Path,
) -> None:
    order = []
    release = threading.Event()

    def compact() -> str | None:
        order.append("compact")
        release.wait()
        return None

    def note(name: str) -> Runs:
        return Runs(lambda: order.append(name))

    load, build = note("load"), note("build")
    now_s = wall_s()
    # compact alone is due; the others become due while it runs.
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
        job("compact", Runs(compact), HOUR_S),
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
        pytest.param(990.0, 1_050.0, id="ran lately: on its interval"),
        pytest.param(1_001.0, 1_000.0, id="ran in the future: at once"),
    ],
)
def test_a_job_runs_first_when_it_is_due(
    last_success_at: float | None, first_at: float
) -> None:
    state = JobState(every_s=60, last_success_at=last_success_at)

    assert first_run_at(state, 60, 1_000.0) == first_at


def test_a_run_missed_while_nothing_ran_is_made_up_at_the_start(
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
    retain, compact, load = Runs(), Runs(), Runs()
    with scheduled(
        state_path,
        job("retain", retain, HOUR_S),
        job("compact", compact, HOUR_S),
        job("load", load),
    ):
        wait_until(lambda: load.count >= 3, "three loads")

    assert (retain.count, compact.count) == (1, 0)


def test_a_run_is_remembered(state_path: Path) -> None:
    before_s = wall_s()
    load = Runs(lambda: "913 events")
    with scheduled(state_path, job("load", load, HOUR_S)) as running:
        wait_until(lambda: running.state("load"), "the state to be written")
        state = running.state("load")

    assert state is not None
    assert (state.summary, state.failures, state.error) == ("913 events", 0, None)
    assert state.last_success_at == state.last_run_at
    assert before_s <= (state.last_success_at or 0) <= wall_s()


def test_a_failure_is_remembered_and_stops_nobody_else(state_path: Path) -> None:
    build = Runs(failing(MillpondError("build: no such column", hint="rebuild")))
    load = Runs()
    with scheduled(state_path, job("load", load), job("build", build)) as running:
        wait_until(lambda: running.failures("build") >= 2, "two failures")
        wait_until(lambda: load.count >= 3, "three loads")
        state = running.state("build")

    assert state is not None
    assert (state.error, state.last_success_at) == ("MillpondError", None)
    assert state.problem == "build: no such column\n  hint: rebuild"
    assert state.retry_at is None


def test_what_another_process_does_meanwhile_is_no_failure(
    state_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def build() -> str | None:
        if runs.count < 3:
            raise ElsewhereError("build: another build is running")
        return "built"

    runs = Runs(build)
    with scheduled(state_path, job("build", runs)) as running:
        wait_until(lambda: runs.count >= 2, "two tries")
        failures = running.failures("build")
        wait_until(lambda: running.state("build") and runs.count >= 3, "the build")

    assert failures == 0
    assert "job_failed" not in caplog.text


def test_the_text_of_an_unforeseen_error_is_kept_nowhere(
    state_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load = Runs(failing(ValueError("could not parse 'mia@example.org'")))
    with scheduled(state_path, job("load", load)) as running:
        wait_until(lambda: running.failures("load") >= 1, "a failure")

    assert "mia" not in state_path.read_text()
    assert "mia" not in caplog.text
    assert "job_failed" in caplog.text
    assert "error=ValueError" in caplog.text


def test_a_success_ends_a_row_of_failures(state_path: Path) -> None:
    def heal() -> str | None:
        if load.count < 3:
            raise DiskError("load: disk full")
        return None

    load = Runs(heal)
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
        pytest.param(5.0, [5, 10, 20, 40, 80, 160, 300], id="ever more rarely"),
    ],
)
def test_what_may_heal_is_tried_again_soon_then_ever_more_rarely(
    every_s: float, expected: list[float]
) -> None:
    got = [retry_in_s(failures, every_s) for failures in range(1, 8)]

    assert got == expected
    assert retry_in_s(10_000, every_s) == 300


def test_a_retry_comes_when_it_was_announced(state_path: Path) -> None:
    load = Runs(failing(DiskError("load: disk full")))
    with scheduled(state_path, job("load", load, 0.1)) as running:
        wait_until(lambda: load.count >= 4, "four tries")

    gaps = [after - before for before, after in zip(load.at, load.at[1:], strict=False)]
    for gap_s, least_s in zip(gaps, [0.1, 0.2, 0.4], strict=False):
        assert gap_s >= least_s - 0.01
    assert running.state("load") is not None


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0, 25 * HOUR_S])
def test_after_a_jump_of_the_clock_everything_runs_at_once(
    state_path: Path, jump_s: float
) -> None:
    retain = Runs()
    with scheduled(state_path, job("retain", retain, HOUR_S)) as running:
        wait_until(lambda: retain.count == 1, "the first run")
        running.jump_s = jump_s
        wait_until(lambda: retain.count >= 2, "a run after the jump")


def test_the_running_job_may_end_when_told_to_stop(state_path: Path) -> None:
    def work() -> str | None:
        started.set()
        stop.wait()
        threading.Event().wait(0.1)
        return "done"

    started, stop = threading.Event(), threading.Event()
    load = job("load", Runs(work), HOUR_S)
    with scheduled(state_path, load, stop=stop) as running:
        started.wait()
        ended = running.end()

    state = running.state("load")
    assert state is not None
    assert (ended, state.summary) == (True, "done")


def test_a_job_that_does_not_end_is_not_waited_for(state_path: Path) -> None:
    def work() -> str | None:
        started.set()
        release.wait()
        return None

    started, release = threading.Event(), threading.Event()
    with scheduled(state_path, job("load", Runs(work), HOUR_S)) as running:
        started.wait()
        ended = running.end()
        release.set()

    assert ended is False


def test_what_ends_the_worker_ends_everything(state_path: Path) -> None:
    class PanicError(BaseException):
        """What a panic in a native library arrives as."""

    panic = PanicError("row ('mia@example.org')")
    with scheduled(state_path, job("load", Runs(failing(panic)))) as running:
        wait_until(lambda: running.ended, "the end")

    assert running.ended == [panic]


def test_a_state_that_cannot_be_written_stops_no_job(tmp_path: Path) -> None:
    load = Runs()
    with scheduled(tmp_path / "missing" / "jobs.json", job("load", load)):
        wait_until(lambda: load.count >= 3, "three loads")
