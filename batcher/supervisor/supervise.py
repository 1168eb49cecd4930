"""Child processes: started, restarted when they end, and stopped in order.

    exit_code = supervise([
        Process("proxy-0", [...], stage=0),
        Process("batcher", [...], stage=1),
    ])

Lower stages stop first, so that the batcher still loads the last segments of the
proxies. If the supervisor dies, the kernel ends its children.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from batcher.supervisor.prctl import end_with_parent
from config.errors import MillpondError
from config.logs import log_event

ALL_STOPPED = 0
KILLED = 3
# A child with this exit code has wrong settings, so a restart would not help.
_SETTINGS_WRONG = 2

_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_IDLE_S = 3_600.0

_log = logging.getLogger(__name__)


class StartError(MillpondError):
    """The program of a child cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A child to keep running; processes of the lowest *stage* stop first.

    The child inherits the open descriptors *inherits*.
    """

    name: str
    argv: Sequence[str]
    stage: int = 0
    inherits: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorTimeouts:
    """How long the supervisor waits between restarts, and for children to end."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    # After a child ran this long, its next restart has the first delay again.
    healthy_s: float = 60.0
    stop_s: float = 10.0


class _ChildProcess:
    """One child process with its restarts."""

    def __init__(self, process: Process, timeouts: SupervisorTimeouts) -> None:
        self.process = process
        self._timeouts = timeouts
        self._running: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._delay_s = timeouts.first_delay_s
        self.due_s: float | None = 0.0

    def start(self, now_s: float) -> None:
        self.due_s = None
        self._started_s = now_s
        supervisor = os.getpid()

        def prepare() -> None:
            # The supervisor blocks these signals, and the child inherits that.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            end_with_parent(supervisor)

        # Each child has its own process group. So a Ctrl-C in the terminal only reaches
        # the supervisor, which stops the children in order.
        name = self.process.name
        try:
            self._running = subprocess.Popen(  # noqa: S603 - our own roles
                self.process.argv,
                preexec_fn=prepare,  # noqa: PLW1509 - the supervisor has one thread
                process_group=0,
                pass_fds=self.process.inherits,
            )
        except OSError as error:
            raise StartError(f"start {name}: {error.strerror}") from None
        log_event(_log, "process_started", process=name, pid=self._running.pid)

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def reap(self, now_s: float) -> int | None:
        """Return the exit code if the child has ended since the last call."""
        if self._running is None:
            return None
        code = self._running.poll()
        if code is None:
            return None
        self._running = None
        if now_s - self._started_s >= self._timeouts.healthy_s:
            self._delay_s = self._timeouts.first_delay_s
        self.due_s = now_s + self._delay_s
        log_event(
            _log,
            "process_ended",
            level=logging.WARNING if code else logging.INFO,
            process=self.process.name,
            exit_code=code,
        )
        return code

    def slow_down(self) -> None:
        """Double the delay for the restart after the next one."""
        self._delay_s = min(2 * self._delay_s, self._timeouts.longest_delay_s)

    def send(self, number: signal.Signals) -> None:
        if self._running is not None:
            self._running.send_signal(number)


def supervise(
    processes: Iterable[Process],
    *,
    timeouts: SupervisorTimeouts | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Keep *processes* running until a signal to stop; return the exit code.

    SIGTERM, SIGINT and SIGHUP stop the processes, stage by stage. A SIGINT during the
    stop kills the rest at once. If a child ends with the exit code for wrong settings,
    all processes are stopped and that code is returned. 0 means that all processes
    ended after the signal without being killed.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    loop = _Loop(processes, timeouts or SupervisorTimeouts(), clock)
    try:
        return loop.run()
    finally:
        loop.end()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Loop:
    """The main loop: start due children, wait for a signal or a start, repeat."""

    def __init__(
        self,
        processes: Iterable[Process],
        timeouts: SupervisorTimeouts,
        clock: Callable[[], float],
    ) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self._children = [_ChildProcess(process, timeouts) for process in processes]

    def run(self) -> int:
        while True:
            self._start_due()
            received = self._sleep(self._next_start_s())
            has_wrong_settings = self._reap()
            if has_wrong_settings:
                self._stop()
                return _SETTINGS_WRONG
            if received in _STOPPING:
                return self._stop()

    def end(self) -> None:
        """Kill all remaining children, and discard pending signals."""
        self._kill_rest(self._children)
        while signal.sigtimedwait(_WATCHED, 0) is not None:
            pass

    def _start_due(self) -> None:
        for child in self._children:
            if child.due_s is not None and child.due_s <= self._clock():
                child.start(self._clock())

    def _next_start_s(self) -> float:
        due = [child.due_s for child in self._children if child.due_s is not None]
        return min(due, default=self._clock() + _IDLE_S)

    def _sleep(self, until_s: float) -> int | None:
        """Wait for a signal, at most until *until_s*; return its number."""
        received = signal.sigtimedwait(_WATCHED, max(0.0, until_s - self._clock()))
        return None if received is None else received.si_signo

    def _reap(self) -> bool:
        """Reap ended children; return whether one of them has wrong settings."""
        has_wrong_settings = False
        for child in self._children:
            code = child.reap(self._clock())
            if code == _SETTINGS_WRONG:
                has_wrong_settings = True
            if code is not None:
                child.slow_down()
        return has_wrong_settings

    def _stop(self) -> int:
        stages = sorted({child.process.stage for child in self._children})
        log_event(_log, "stopping", count=len(self._children))
        has_ended = [self._stop_stage(stage) for stage in stages]
        return ALL_STOPPED if all(has_ended) else KILLED

    def _stop_stage(self, stage: int) -> bool:
        """Stop the children of one stage; return False if one had to be killed."""
        stopping = [child for child in self._children if child.process.stage == stage]
        for child in stopping:
            child.send(signal.SIGTERM)
        end_s = self._clock() + self._timeouts.stop_s
        while any(child.is_running for child in stopping):
            # A second Ctrl-C means that the operator does not want to wait. A second
            # SIGTERM does not: a service manager may send it to process and group.
            if self._sleep(end_s) == signal.SIGINT or self._clock() >= end_s:
                return not self._kill_rest(stopping)
            self._reap()
        return True

    def _kill_rest(self, stopping: list[_ChildProcess]) -> bool:
        """Kill the children that still run; return False if none does."""
        self._reap()
        late = [child for child in stopping if child.is_running]
        for child in late:
            log_event(
                _log,
                "process_killed",
                level=logging.WARNING,
                process=child.process.name,
            )
            child.send(signal.SIGKILL)
        while any(child.is_running for child in late):
            self._sleep(self._clock() + 1)
            self._reap()
        return bool(late)
