"""The scheduler: runs jobs at their intervals, one at a time, and catches up.

The only door to APScheduler, which only marks jobs as due. The jobs run in one worker
thread, by priority, because the tables have one writer.
"""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
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

from batcher.schedule.due_jobs import DueJobs
from batcher.schedule.job_worker import Clock, Job, JobWorker
from config.logs import log_event
from warehouse.job_states import JobState

# A larger change between wall clock and steady clock counts as a jump.
_JUMP_S = 30.0
_CLOCK_CHECK_S = 1.0

_log = logging.getLogger(__name__)


def run_jobs(
    jobs: Sequence[Job],
    *,
    state_path: Path,
    clock: Clock,
    steady_clock: Clock,
    stop: threading.Event,
    patience_s: float,
) -> bool:
    """Run *jobs*, in order of priority, until *stop* is set.

    Then the running job has *patience_s* seconds to end. Returns False if it is still
    running after that. Raises the exception that ended the worker thread, if any.
    """
    worker = JobWorker(jobs, state_path, clock, stop)
    thread = threading.Thread(target=worker.work, name="jobs", daemon=True)
    timetable = _Timetable(jobs, worker.due, clock, steady_clock)
    worker.retry = timetable.set_next
    thread.start()
    timetable.start(worker.states)
    while not stop.wait(_CLOCK_CHECK_S):
        timetable.watch_clock()
    timetable.stop()
    worker.due.close()
    thread.join(patience_s)
    if worker.crash is not None:
        raise worker.crash
    return not thread.is_alive()


def first_run_at(state: JobState | None, every_s: float, now_s: float) -> float:
    """Return the time of a job's first run: now if it missed a run or never ran."""
    if state is None or state.last_success_at is None:
        return now_s
    # The last success is in the future if the clock was ahead then.
    if state.last_success_at > now_s:
        return now_s
    return max(now_s, state.last_success_at + every_s)


class _Timetable:
    """The intervals of the jobs in APScheduler, which marks jobs as due."""

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
            # Marking a job as due takes no time, so no other thread is needed.
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
        """Run *name* next at *at_s*, and at its interval from then on."""
        self._due.discard(name)
        # After ``stop`` the scheduler has no jobs.
        with suppress(JobLookupError):
            self._scheduler.modify_job(
                name, next_run_time=datetime.fromtimestamp(at_s, UTC)
            )

    def watch_clock(self) -> None:
        """Run all jobs now if the wall clock has jumped.

        The timetable uses wall time. Otherwise, after the clock was set back by a day,
        every job would wait for a day.
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
