"""Child processes: started, restarted when they end, reloaded, and stopped in order.

    exit_code = supervise([
        Process(name="proxy-0", argv=[...], stage=0),
        Process(name="batcher", argv=[...], stage=1),
    ])

Lower stages stop first, so that the batcher still loads the last segments of the
proxies. If the supervisor dies, the kernel ends its children.
"""

import logging
import signal
import time
from collections.abc import Callable, Iterable

from batcher.supervisor.child import WATCHED, Process, SupervisorTimeouts
from batcher.supervisor.children import (
    SETTINGS_WRONG,
    STOPPING,
    Children,
    StopRequestedError,
)
from batcher.supervisor.rolling_restart import Reload, restart_all
from batcher.supervisor.terminal import Terminal
from config.logs import log_event

ALL_STOPPED = 0
KILLED = 3

_log = logging.getLogger(__name__)


def supervise(
    processes: Iterable[Process],
    *,
    reload: Reload | None = None,
    timeouts: SupervisorTimeouts | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Keep *processes* running until a signal to stop; return the exit code.

    SIGTERM and SIGINT stop the processes, stage by stage. A SIGINT during the stop
    kills the rest at once. SIGHUP restarts them with what *reload* returns. It stops
    them without *reload*, and when the terminal was closed. If a child ends with the
    exit code for wrong settings, all processes are stopped and that code is returned.
    0 means that all processes ended after the signal without being killed.
    """
    terminal = Terminal.of_process()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    children = Children(processes, timeouts or SupervisorTimeouts(), clock)
    try:
        return _Loop(children, reload, terminal).run()
    finally:
        _end(children)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(children: Children) -> None:
    """Kill all remaining children, and discard pending signals."""
    children.kill(children)
    for child in children:
        child.close_listeners()
    while signal.sigtimedwait(WATCHED, 0) is not None:
        pass


class _Loop:
    """The main loop: start due children, wait for a signal or a start, repeat."""

    def __init__(
        self, children: Children, reload: Reload | None, terminal: Terminal
    ) -> None:
        self._children = children
        self._reload = reload
        self._terminal = terminal

    def run(self) -> int:
        children = self._children
        while True:
            children.start_due()
            until_s = 0.0 if children.must_reload else children.next_start_s()
            received = children.sleep(until_s)
            ended = children.reap()
            if any(child.exit_code == SETTINGS_WRONG for child in ended):
                self._stop()
                return SETTINGS_WRONG
            if received in STOPPING:
                return self._stop()
            if received == signal.SIGHUP or children.must_reload:
                if self._reload is None or self._terminal.is_lost():
                    return self._stop()
                children.must_reload = False
                try:
                    restart_all(children, self._reload)
                except StopRequestedError:
                    return self._stop()

    def _stop(self) -> int:
        stages = sorted({child.process.stage for child in self._children})
        log_event(_log, "stopping", count=len(self._children))
        has_ended = [self._stop_stage(stage) for stage in stages]
        return ALL_STOPPED if all(has_ended) else KILLED

    def _stop_stage(self, stage: int) -> bool:
        """Stop the children of one stage; return False if one had to be killed."""
        children = self._children
        stopping = [child for child in children if child.process.stage == stage]
        for child in stopping:
            child.send(signal.SIGTERM)
        end_s = children.clock() + children.timeouts.stop_s
        while any(child.is_running for child in stopping):
            # A second Ctrl-C means that the operator does not want to wait. A second
            # SIGTERM does not: a service manager may send it to process and group.
            if children.sleep(end_s) == signal.SIGINT or children.clock() >= end_s:
                return not children.kill(stopping)
            children.reap()
        return True
