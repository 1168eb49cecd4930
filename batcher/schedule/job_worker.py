"""The worker: runs due jobs in one thread, and keeps the states of the jobs."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from batcher.schedule.due_jobs import DueJobs
from batcher.schedule.job_state import write_job_states
from config.errors import Busy, MillpondError, Retryable
from config.files import FileError, is_file_error, path_of
from config.logs import log_event
from config.throttle import Throttle
from warehouse.job_states import JobState, read_job_states

# The delay before the first retry after a retryable failure; doubled each time.
_FIRST_RETRY_S = 15.0
_LONGEST_RETRY_S = 300.0
_LOG_LOST_STATE_EVERY_S = 300.0

_log = logging.getLogger(__name__)

# Returns the time of the wall clock or of the steady clock, in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job for every *every_s* seconds; *run* takes the time, may return a summary."""

    name: str
    every_s: float
    run: Callable[[float], str | None]


def retry_in_s(failures: int, every_s: float) -> float:
    """Return the delay before a retry after *failures* consecutive failures."""
    first_s = min(every_s, _FIRST_RETRY_S)
    return min(first_s * 2.0 ** min(failures - 1, 16), _LONGEST_RETRY_S)


def _file_of(error: Exception) -> str | None:
    """Return the file that caused *error*, None if the error names no file."""
    path = error.file if isinstance(error, MillpondError) else None
    if isinstance(error, OSError):
        path = path_of(error)
    return None if path is None else str(path)


def _problem(error: Exception) -> str | None:
    """Return the text of *error*; None for foreign errors, which may quote values."""
    if isinstance(error, OSError) and is_file_error(error):
        error = FileError(error)
    return str(error) if isinstance(error, MillpondError) else None


class JobWorker:
    """Runs the jobs in one thread, and keeps their states."""

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
        self._lost_states = Throttle(_LOG_LOST_STATE_EVERY_S)

    def work(self) -> None:
        """Run due jobs until the queue is closed."""
        while (name := self.due.take()) is not None:
            try:
                self._run(self._jobs[name])
            except BaseException as crash:  # noqa: BLE001 - raised by the main thread
                self.crash = crash
                self._stop.set()
                return

    def _run(self, job: Job) -> None:
        before = self.states.get(job.name) or JobState(every_s=job.every_s)
        started_s = self._clock()
        try:
            summary = job.run(started_s)
        except Exception as error:  # noqa: BLE001 - a failing job must not stop others
            if isinstance(error, Busy):
                self._retry_busy(job, before, error)
                return
            after = self._failed(job, before, started_s, error)
        else:
            after = self._succeeded(job, before, started_s, summary)
        self.states[job.name] = after
        self._save()

    def _succeeded(
        self, job: Job, before: JobState, started_s: float, summary: str | None
    ) -> JobState:
        took_s = round(self._clock() - started_s, 3)
        # Jobs log their own changes, and most runs change nothing.
        level = logging.INFO if before.failures else logging.DEBUG
        log_event(_log, "job_done", level=level, job=job.name, seconds=took_s)
        return JobState(
            every_s=job.every_s,
            last_run_at=started_s,
            last_success_at=started_s,
            took_s=took_s,
            summary=summary,
        )

    def _retry_busy(self, job: Job, before: JobState, error: Exception) -> None:
        """Retry soon. If another process stays busy for too long, the job is late."""
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
            # A full disk must not stop the jobs that free space.
            count = self._lost_states.count(self._clock())
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
