"""Restart all children with a new configuration, without a gap for visitors.

The first worker decides. While its successor is not ready, every old worker goes on.
If it does not get ready in time, the new configuration is refused. The configuration is
proven by then, so a later worker that does not get ready is restarted like a dead one.
"""

import logging
import signal
from collections.abc import Iterable, Sequence
from typing import Protocol

from batcher.supervisor.child import (
    DRAIN,
    ChildProcess,
    Process,
    ReloadStep,
    StartError,
)
from batcher.supervisor.children import SETTINGS_WRONG, Children
from config.errors import MillpondError
from config.logs import log_event

_log = logging.getLogger(__name__)


class NotReadyError(MillpondError):
    """The successor of the first worker did not start to work."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"reload: the new {name} {reason}; the old processes go on",
            hint="see the log of the new process above",
        )


class RefusedSettingsError(MillpondError):
    """The workers run with the new settings, but another process refused them."""

    exit_code = 3

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(
            f"reload: {', '.join(names)} refused the new configuration and runs with"
            " the old one",
            hint="see the log above; correct the configuration, and reload again",
        )


class Reload(Protocol):
    """What the supervisor asks for on SIGHUP."""

    def processes(self) -> Sequence[Process]:
        """Return the processes of the new configuration.

        They have the names of the present processes. Raises ``MillpondError`` if the
        configuration cannot be used.
        """

    def finish(self, error: MillpondError | None) -> None:
        """Report how the reload ended."""


def restart_all(children: Children, reload: Reload) -> None:
    """Restart *children* with the processes of *reload*, or leave them all as before.

    Raises ``StopRequestedError`` on a signal to stop.
    """
    try:
        new = {process.name: process for process in reload.processes()}
        log_event(_log, "reloading", count=len(children))
        _RollingRestart(children, new).run()
    except MillpondError as error:
        log_event(_log, "reload_failed", level=logging.ERROR, error=error)
        reload.finish(error)
        return
    log_event(_log, "reloaded", count=len(children))
    reload.finish(None)


class _RollingRestart:
    """One reload; *new* has the new process of each child by name."""

    def __init__(self, children: Children, new: dict[str, Process]) -> None:
        self._children = children
        self._new = new

    def run(self) -> None:
        paused = self._with_step(ReloadStep.PAUSE)
        old = {child.process.name: child.process for child in self._children}
        for child in paused:
            self._stop(child)
        try:
            self._replace_workers()
        except NotReadyError:
            for child in paused:
                self._start(child)
            raise
        restarted = self._with_step(ReloadStep.RESTART)
        for child in restarted:
            self._stop(child)
        for child in [*paused, *restarted]:
            self._start(child, self._new)
        self._undo_refused([*paused, *restarted], old)

    def _with_step(self, step: ReloadStep) -> list[ChildProcess]:
        return [child for child in self._children if child.process.on_reload == step]

    def _replace_workers(self) -> None:
        for number, old in enumerate(self._with_step(ReloadStep.REPLACE)):
            try:
                self._replace(old)
            except NotReadyError as error:
                if number == 0:
                    raise
                log_event(_log, "not_ready", level=logging.WARNING, error=error)
                self._stop(old)
                old.close_listeners()
                self._start(old, self._new)

    def _replace(self, old: ChildProcess) -> None:
        """Start the successor of *old*; once it is ready, let *old* finish."""
        children = self._children
        new = old.successor(self._new[old.process.name])
        old.restarts = new.restarts = False
        old.due_s = new.due_s = None
        children.add(new)
        if not self._gets_ready(new):
            self._give_up(old, new)
        new.forget_ready()
        old.send(DRAIN)
        children.wait(children.timeouts.stop_s, lambda: not old.is_running)
        # A worker that hangs never ends by itself.
        children.kill([old])
        children.remove(old)
        new.restarts = True

    def _gets_ready(self, new: ChildProcess) -> bool:
        children = self._children
        try:
            children.start(new, reports_ready=True)
        except StartError as error:
            log_event(_log, "not_started", level=logging.ERROR, error=error)
            return False

        def is_decided() -> bool:
            new.look_if_ready()
            return new.is_ready or not new.is_running

        return children.wait(children.timeouts.ready_s, is_decided) and new.is_ready

    def _give_up(self, old: ChildProcess, new: ChildProcess) -> None:
        children = self._children
        ready_s = children.timeouts.ready_s
        reason = (
            f"was not ready after {ready_s:g} s"
            if new.is_running
            else f"ended with exit code {new.exit_code}"
            if new.exit_code is not None
            else "could not be started"
        )
        children.kill([new])
        children.remove(new)
        new.forget_ready()
        old.restarts = True
        if not old.is_running:
            old.due_s = children.clock()
        raise NotReadyError(old.process.name, reason)

    def _stop(self, child: ChildProcess) -> None:
        child.restarts = False
        child.due_s = None
        child.send(signal.SIGTERM)
        timeout_s = self._children.timeouts.stop_s
        self._children.wait(timeout_s, lambda: not child.is_running)
        self._children.kill([child])

    def _start(
        self, child: ChildProcess, processes: dict[str, Process] | None = None
    ) -> None:
        if processes is not None:
            child.process = processes[child.process.name]
        child.restarts = True
        child.due_s = self._children.clock()

    def _undo_refused(
        self, started: Sequence[ChildProcess], old: dict[str, Process]
    ) -> None:
        """Give the old settings back to children of *started* that refuse the new ones.

        Otherwise the exit code for wrong settings would stop all processes.
        """
        children = self._children

        def has_all_refused() -> bool:
            return all(child.exit_code == SETTINGS_WRONG for child in started)

        for child in started:
            child.restarts = False
        if started:
            children.wait(children.timeouts.refuse_s, has_all_refused)
        refused = [child for child in started if child.exit_code == SETTINGS_WRONG]
        for child in refused:
            child.process = old[child.process.name]
        for child in started:
            child.restarts = True
            if not child.is_running:
                child.due_s = children.clock()
        if refused:
            raise RefusedSettingsError(child.process.name for child in refused)
