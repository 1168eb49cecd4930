"""The children of a supervisor: start those that are due, wait for signals, end all."""

import logging
import signal
from collections.abc import Callable, Iterable, Iterator

from batcher.supervisor.child import (
    WATCHED,
    ChildProcess,
    Process,
    SupervisorTimeouts,
)
from batcher.supervisor.port import SharedPortError
from config.logs import log_event

STOPPING = (signal.SIGTERM, signal.SIGINT)
# A child with this exit code has wrong settings, so a restart would not help.
SETTINGS_WRONG = 2

_IDLE_S = 3_600.0
_POLL_S = 0.05
_log = logging.getLogger(__name__)


class StopRequestedError(Exception):
    """A signal to stop arrived while the supervisor waited for something else."""


class Children:
    """All children, and the one place where signals are received."""

    def __init__(
        self,
        processes: Iterable[Process],
        timeouts: SupervisorTimeouts,
        clock: Callable[[], float],
    ) -> None:
        self.timeouts = timeouts
        self.clock = clock
        # A SIGHUP that arrived during a wait.
        self.must_reload = False
        self._children = [ChildProcess(process, timeouts) for process in processes]

    def __iter__(self) -> Iterator[ChildProcess]:
        """Return the children, also when the list changes meanwhile."""
        return iter(tuple(self._children))

    def __len__(self) -> int:
        """Return the number of children."""
        return len(self._children)

    def add(self, child: ChildProcess) -> None:
        """Watch *child* too."""
        self._children.append(child)

    def remove(self, child: ChildProcess) -> None:
        """Forget a *child* that has ended; its listening sockets stay open."""
        self._children.remove(child)

    def start_due(self) -> None:
        """Start the children whose restart is due."""
        for child in self:
            if child.due_s is not None and child.due_s <= self.clock():
                self.start(child)

    def start(self, child: ChildProcess, *, reports_ready: bool = False) -> None:
        """Start *child*; without its port it is tried again later, like a dead one."""
        now_s = self.clock()
        try:
            child.start(now_s, reports_ready=reports_ready)
        except SharedPortError as error:
            name = child.process.name
            level = logging.ERROR
            log_event(
                _log, "process_not_started", level=level, error=error, process=name
            )
            child.slow_down()
            child.due_s = now_s + self.timeouts.first_delay_s

    def next_start_s(self) -> float:
        """Return when the next restart is due."""
        due = [child.due_s for child in self if child.due_s is not None]
        return min(due, default=self.clock() + _IDLE_S)

    def sleep(self, until_s: float) -> int | None:
        """Wait for a signal, at most until *until_s*; return its number."""
        received = signal.sigtimedwait(WATCHED, max(0.0, until_s - self.clock()))
        return None if received is None else received.si_signo

    def reap(self) -> list[ChildProcess]:
        """Reap ended children; return them."""
        ended = [child for child in self if child.reap(self.clock()) is not None]
        for child in ended:
            child.slow_down()
        return ended

    def wait(self, timeout_s: float, condition: Callable[[], bool]) -> bool:
        """Return whether *condition* held in time; restart other children meanwhile.

        Raises ``StopRequestedError`` on a signal to stop.
        """
        end_s = self.clock() + timeout_s
        while not condition():
            now_s = self.clock()
            if now_s >= end_s:
                return False
            self.start_due()
            received = self.sleep(min(end_s, now_s + _POLL_S))
            self.reap()
            if received in STOPPING:
                raise StopRequestedError
            if received == signal.SIGHUP:
                self.must_reload = True
        return True

    def kill(self, late: Iterable[ChildProcess]) -> bool:
        """Kill those of *late* that still run; return False if none does."""
        self.reap()
        running = [child for child in late if child.is_running]
        for child in running:
            log_event(
                _log,
                "process_killed",
                level=logging.WARNING,
                process=child.process.name,
            )
            child.send(signal.SIGKILL)
        while any(child.is_running for child in running):
            self.sleep(self.clock() + 1)
            self.reap()
        return bool(running)
