"""When jobs run: on their intervals, one after another, missed runs caught up.

The only door to APScheduler. It says when a job is due; the jobs themselves run in
one worker thread, by priority, because the tables have one writer. What a job does
is not known here.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.executors.debug import (  # type: ignore[import-untyped]
    DebugExecutor,
)
from apscheduler.jobstores.base import (  # type: ignore[import-untyped]
    JobLookupError,
)
from apscheduler.schedulers.background import (  # type: ignore[import-untyped]
    BackgroundScheduler,
)
from msgspec.structs import replace

from batcher.schedule.due_jobs import DueJobs
from batcher.schedule.job_state import write_job_states
from config.errors import Busy, MillpondError, Retryable
from config.files import FileError, is_file_error, path_of
from config.logs import log_event
from config.throttle import Throttle
from warehouse.job_states import JobState, read_job_states

# How soon a failure that may heal is tried again, doubled each time.
_FIRST_RETRY_S = 15.0
_LONGEST_RETRY_S = 300.0
# The wall clock may go this far from the steady one before it counts as a jump.
_JUMP_S = 30.0
_LOOK_S = 1.0
_SAY_LOST_EVERY_S = 300.0

_log = logging.getLogger(__name__)

# Reads the wall clock or the steady one, in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do every *every_s* seconds; *run* gets the time, may sum up."""

    name: str
    every_s: float
    run: Callable[[float], str | None]


def run_jobs(
    jobs: Sequence[Job],
    *,
    state_path: Path,
    clock: Clock,
    steady_clock: Clock,
    stop: threading.Event,
    patience_s: float,
) -> bool:
    """Run *jobs*, most urgent first in the list, until *stop* is set.

    Then the running job may end within *patience_s*; False says that it did not and
    still runs. Raises what ended the worker thread, if something did.
    """
    worker = _JobWorker(jobs, state_path, clock, stop)
    thread = threading.Thread(target=worker.work, name="jobs", daemon=True)
    timetable = _Timetable(jobs, worker.due, clock, steady_clock)
    worker.retry = timetable.set_next
    thread.start()
    timetable.start(worker.states)
    while not stop.wait(_LOOK_S):
        timetable.watch_clock()
    timetable.stop()
    worker.due.close()
    thread.join(patience_s)
    if worker.crash is not None:
        raise worker.crash
    return not thread.is_alive()


def first_run_at(state: JobState | None, every_s: float, now_s: float) -> float:
    """Return when a job runs first: at once if it missed a run or never had one."""
    if state is None or state.last_success_at is None:
        return now_s
    # A success in the future is a clock that was ahead.
    if state.last_success_at > now_s:
        return now_s
    return max(now_s, state.last_success_at + every_s)


def retry_in_s(failures: int, every_s: float) -> float:
    """Return how long to wait after so many failures in a row that may heal."""
    first_s = min(every_s, _FIRST_RETRY_S)
    return min(first_s * 2.0 ** min(failures - 1, 16), _LONGEST_RETRY_S)


def _file_of(error: Exception) -> str | None:
    """Return the file that is in the way of a job, as far as the error names it."""
    path = error.file if isinstance(error, MillpondError) else None
    if isinstance(error, OSError):
        path = path_of(error)
    return None if path is None else str(path)


def _problem(error: Exception) -> str | None:
    """Return what of *error* is for reading: others than our own may quote a value."""
    if isinstance(error, OSError) and is_file_error(error):
        error = FileError(error)
    return str(error) if isinstance(error, MillpondError) else None


class _Timetable:
    """APScheduler: it only ever notes that a job is due."""

    def __init__(
        self, jobs: Sequence[Job], due: DueJobs, clock: Clock, steady_clock: Clock
    ) -> None:
        self._jobs = jobs
        self._due = due
        self._clock = clock
        self._steady_clock = steady_clock
        self._offset_s = clock() - steady_clock()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            # Noting takes no time, so the scheduler's own thread does it.
            executors={"default": DebugExecutor()},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": None,
            },
        )

    def start(self, states: dict[str, JobState]) -> None:
        now_s = self._clock()
        for job in self._jobs:
            first_s = first_run_at(states.get(job.name), job.every_s, now_s)
            self._scheduler.add_job(
                self._due.add,
                "interval",
                seconds=job.every_s,
                args=[job.name],
                id=job.name,
                next_run_time=datetime.fromtimestamp(first_s, UTC),
            )
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    def set_next(self, name: str, at_s: float) -> None:
        """Have *name* run at *at_s*, not before, and on its interval from there."""
        self._due.discard(name)
        # After the stop there are no jobs left to set.
        with suppress(JobLookupError):
            self._scheduler.modify_job(
                name, next_run_time=datetime.fromtimestamp(at_s, UTC)
            )

    def watch_clock(self) -> None:
        """Run everything now if the wall clock has jumped.

        The timetable is in wall time: a clock set back by a day would leave every
        job waiting for a day.
        """
        offset_s = self._clock() - self._steady_clock()
        jump_s = offset_s - self._offset_s
        if abs(jump_s) < _JUMP_S:
            return
        self._offset_s = offset_s
        log_event(_log, "clock_jumped", level=logging.WARNING, seconds=round(jump_s))
        for job in self._jobs:
            self._scheduler.reschedule_job(
                job.name, trigger="interval", seconds=job.every_s
            )
            self._due.add(job.name)


class _JobWorker:
    """The one thread that runs jobs, and what it remembers of them."""

    def __init__(
        self, jobs: Sequence[Job], state_path: Path, clock: Clock, stop: threading.Event
    ) -> None:
        self.due = DueJobs([job.name for job in jobs])
        self.states = read_job_states(state_path)
        self.crash: BaseException | None = None
        self.retry: Callable[[str, float], None] = lambda _name, _at_s: None
        self._jobs = {job.name: job for job in jobs}
        self._state_path = state_path
        self._clock = clock
        self._stop = stop
        self._losses = Throttle(_SAY_LOST_EVERY_S)

    def work(self) -> None:
        """Run jobs as they become due, until there are no more to come."""
        while (name := self.due.take()) is not None:
            try:
                self._run(self._jobs[name])
            except BaseException as crash:  # noqa: BLE001 - told by the main thread
                self.crash = crash
                self._stop.set()
                return

    def _run(self, job: Job) -> None:
        before = self.states.get(job.name) or JobState(every_s=job.every_s)
        started_s = self._clock()
        try:
            summary = job.run(started_s)
        except Exception as error:  # noqa: BLE001 - one failing job must not end all
            if isinstance(error, Busy):
                self._wait(job, before, error)
                return
            after = self._failed(job, before, started_s, error)
        else:
            took_s = round(self._clock() - started_s, 3)
            # Jobs tell what they changed themselves; most runs change nothing.
            level = logging.INFO if before.failures else logging.DEBUG
            log_event(_log, "job_done", level=level, job=job.name, seconds=took_s)
            after = JobState(
                every_s=job.every_s,
                last_run_at=started_s,
                last_success_at=started_s,
                took_s=took_s,
                summary=summary,
            )
        self.states[job.name] = after
        self._save()

    def _wait(self, job: Job, before: JobState, error: Exception) -> None:
        """Try again soon; what does not come to an end elsewhere is seen as late."""
        log_event(_log, "job_waits", job=job.name, error=error)
        self.states[job.name] = replace(before, problem=str(error))
        self._save()
        self.retry(job.name, self._clock() + retry_in_s(1, job.every_s))

    def _failed(
        self, job: Job, before: JobState, started_s: float, error: Exception
    ) -> JobState:
        failures = before.failures + 1
        now_s = self._clock()
        delay_s = None
        if isinstance(error, Retryable):
            delay_s = retry_in_s(failures, job.every_s)
            self.retry(job.name, now_s + delay_s)
        log_event(
            _log,
            "job_failed",
            level=logging.WARNING,
            error=error,
            job=job.name,
            attempt=failures,
            retry_s=delay_s,
            file=_file_of(error),
        )
        return JobState(
            every_s=job.every_s,
            last_run_at=started_s,
            last_success_at=before.last_success_at,
            took_s=round(now_s - started_s, 3),
            summary=before.summary,
            failures=failures,
            failing_since=before.failing_since or started_s,
            error=type(error).__name__,
            problem=_problem(error),
            retry_at=None if delay_s is None else now_s + delay_s,
        )

    def _save(self) -> None:
        try:
            write_job_states(self._state_path, self.states)
        except OSError as error:
            # A full disk must not end the job that makes room on it.
            count = self._losses.count(self._clock())
            if count:
                log_event(
                    _log,
                    "job_state_lost",
                    level=logging.WARNING,
                    error=error,
                    file=str(self._state_path),
                    reason=error.strerror,
                    count=count,
                )
