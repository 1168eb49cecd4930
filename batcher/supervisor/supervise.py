"""Real child processes, kept running: started, restarted, and stopped in order.

    exit_code = supervise([
        Process("proxy-0", [...], stage=0),
        Process("batcher", [...], stage=1),
    ])

Lower stages stop first, so that the batcher still loads what the proxies sealed last.
When the supervisor itself dies the kernel ends its children.
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

FINE = 0
KILLED = 3
# Such a process says its settings are wrong: starting it again helps nobody.
_SETTINGS_WRONG = 2

_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_IDLE_S = 3_600.0

_log = logging.getLogger(__name__)


class StartError(MillpondError):
    """A child's program cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A child to keep running; of all processes the lowest *stage* stops first.

    It gets the open descriptors *inherits*.
    """

    name: str
    argv: Sequence[str]
    stage: int = 0
    inherits: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorTimeouts:
    """How long the supervisor waits: between restarts, and for an orderly end."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    # A child that ran this long is well again: its delays start anew.
    healthy_s: float = 60.0
    stop_s: float = 10.0


class _ChildProcess:
    """One process over its restarts."""

    def __init__(self, process: Process, patience: SupervisorTimeouts) -> None:
        self.process = process
        self._patience = patience
        self._running: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._delay_s = patience.first_delay_s
        self.due_s: float | None = 0.0

    def start(self, now_s: float) -> None:
        self.due_s = None
        self._started_s = now_s
        supervisor = os.getpid()

        def prepare() -> None:
            # The signals we wait for are blocked in us, and would be in the child.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            end_with_parent(supervisor)

        # A group of its own: a Ctrl-C in the terminal reaches the supervisor alone,
        # which then stops the children in order.
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
        """Return the exit code if the child has ended since it was last asked."""
        if self._running is None:
            return None
        code = self._running.poll()
        if code is None:
            return None
        self._running = None
        if now_s - self._started_s >= self._patience.healthy_s:
            self._delay_s = self._patience.first_delay_s
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
        """Double the delay before the start after the next."""
        self._delay_s = min(2 * self._delay_s, self._patience.longest_delay_s)

    def send(self, number: signal.Signals) -> None:
        if self._running is not None:
            self._running.send_signal(number)


def supervise(
    processes: Iterable[Process],
    *,
    patience: SupervisorTimeouts | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Keep *processes* running until told to stop; return this process's exit code.

    SIGTERM, SIGINT and SIGHUP stop them, stage by stage, a SIGINT after that at once. A
    child that ends with the
    exit code for wrong settings stops everything, and its code is returned. 0 means
    that all ended by themselves when told to.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    watch = _Loop(processes, patience or SupervisorTimeouts(), clock)
    try:
        return watch.run()
    finally:
        watch.end()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Loop:
    """The loop: start what is due, sleep until a signal or a start, look again."""

    def __init__(
        self,
        processes: Iterable[Process],
        patience: SupervisorTimeouts,
        clock: Callable[[], float],
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._children = [_ChildProcess(process, patience) for process in processes]

    def run(self) -> int:
        while True:
            self._start_due()
            received = self._sleep(self._next_start_s())
            code = self._look()
            if code == _SETTINGS_WRONG:
                self._stop()
                return code
            if received in _STOPPING:
                return self._stop()

    def end(self) -> None:
        """Leave no child behind and no signal waiting, whatever happened."""
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

    def _look(self) -> int:
        """Reap the dead; return 2 if one of them said that its settings are wrong."""
        found = FINE
        for child in self._children:
            code = child.reap(self._clock())
            if code == _SETTINGS_WRONG:
                found = _SETTINGS_WRONG
            if code is not None:
                child.slow_down()
        return found

    def _stop(self) -> int:
        stages = sorted({child.process.stage for child in self._children})
        log_event(_log, "stopping", count=len(self._children))
        clean = [self._stop_stage(stage) for stage in stages]
        return FINE if all(clean) else KILLED

    def _stop_stage(self, stage: int) -> bool:
        """Stop one stage; False if a child of it had to be killed."""
        stopping = [child for child in self._children if child.process.stage == stage]
        for child in stopping:
            child.send(signal.SIGTERM)
        end_s = self._clock() + self._patience.stop_s
        while any(child.is_running for child in stopping):
            # A second Ctrl-C is a person in a hurry. A second SIGTERM need not be: some
            # who stop a group signal its members twice.
            if self._sleep(end_s) == signal.SIGINT or self._clock() >= end_s:
                return not self._kill_rest(stopping)
            self._look()
        return True

    def _kill_rest(self, stopping: list[_ChildProcess]) -> bool:
        """Kill what still runs; False if it had ended just now."""
        self._look()
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
            self._look()
        return bool(late)
