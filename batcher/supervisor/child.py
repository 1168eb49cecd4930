"""One child process of a supervisor: how it is started, watched, signalled, ended."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from batcher.supervisor.port import bind_shared
from batcher.supervisor.prctl import end_with_parent
from config.errors import MillpondError
from config.logs import log_event

WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Tells a worker to stop listening, finish its connections, and end.
DRAIN = signal.SIGUSR1

_log = logging.getLogger(__name__)


class StartError(MillpondError):
    """The program of a child cannot be run."""


class ReloadStep(StrEnum):
    """How a process gets a new configuration."""

    # A successor starts, and the process ends once the successor is ready.
    REPLACE = "replace"
    # The process is stopped before any other one is replaced, and starts after that.
    PAUSE = "pause"
    # The process is stopped and started after all others.
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A child to keep running; processes of the lowest *stage* stop first.

    The child inherits the open descriptors *inherits* and gets the variables *environ*.
    With *listens_on*, the child gets its listening sockets from the supervisor, and so
    a successor can continue to listen on the same sockets.
    """

    name: str
    argv: Sequence[str]
    stage: int = 0
    inherits: Sequence[int] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    listens_on: tuple[str, int] | None = None
    on_reload: ReloadStep = ReloadStep.RESTART


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorTimeouts:
    """How long the supervisor waits between restarts, and for children to end."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    # After a child ran this long, its next restart has the first delay again.
    healthy_s: float = 60.0
    stop_s: float = 10.0
    # How long the successor of a worker may take until it is ready.
    ready_s: float = 30.0
    # A child that refuses its new settings ends within this time after its start.
    refuse_s: float = 4.0


class ChildProcess:
    """One child process with its restarts."""

    def __init__(
        self,
        process: Process,
        timeouts: SupervisorTimeouts,
        listeners: Sequence[socket.socket] = (),
    ) -> None:
        self.process = process
        self.exit_code: int | None = None
        # False while another process takes over: then nobody restarts this one.
        self.restarts = True
        self.due_s: float | None = 0.0
        self._timeouts = timeouts
        self._listeners = list(listeners)
        self.is_ready = False
        self._ready: int | None = None
        self._running: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._delay_s = timeouts.first_delay_s

    def successor(self, process: Process) -> "ChildProcess":
        """Return a child that will listen on the same sockets; it is not started."""
        return ChildProcess(process, self._timeouts, self._listeners)

    def start(self, now_s: float, *, reports_ready: bool = False) -> None:
        """Start the program; with *reports_ready* it says when it is ready."""
        self.exit_code, self.is_ready = None, False
        name, listens_on = self.process.name, self.process.listens_on
        argv, inherits = list(self.process.argv), list(self.process.inherits)
        if listens_on is not None and not self._listeners:
            self._listeners = bind_shared("proxy", *listens_on)
        for listener in self._listeners:
            argv += ["--listener", str(listener.fileno())]
            inherits.append(listener.fileno())
        sends_ready = -1
        if reports_ready:
            self._ready, sends_ready = os.pipe()
            os.set_blocking(self._ready, False)
            argv += ["--ready", str(sends_ready)]
            inherits.append(sends_ready)
        try:
            self._running = self._run(argv, inherits)
        except OSError as error:
            raise StartError(f"start {name}: {error.strerror}") from None
        finally:
            if reports_ready:
                os.close(sends_ready)
        self.due_s, self._started_s = None, now_s
        log_event(_log, "process_started", process=name, pid=self._running.pid)

    def _run(
        self, argv: Sequence[str], inherits: Sequence[int]
    ) -> "subprocess.Popen[bytes]":
        supervisor = os.getpid()

        def prepare() -> None:
            # The supervisor blocks these signals, and the child inherits that.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            end_with_parent(supervisor)

        # Each child has its own process group. So a Ctrl-C in the terminal only reaches
        # the supervisor, which stops the children in order.
        return subprocess.Popen(  # noqa: S603 - our own roles
            argv,
            preexec_fn=prepare,  # noqa: PLW1509 - the supervisor has one thread
            process_group=0,
            pass_fds=inherits,
            env={**os.environ, **self.process.environ},
        )

    @property
    def is_running(self) -> bool:
        """Whether the process runs, as far as the last ``reap`` saw."""
        return self._running is not None

    def look_if_ready(self) -> None:
        """Set ``is_ready`` once the process has said so."""
        if self._ready is not None:
            with contextlib.suppress(BlockingIOError):
                self.is_ready |= bool(os.read(self._ready, 1))

    def reap(self, now_s: float) -> int | None:
        """Return the exit code if the child has ended since the last call."""
        if self._running is None:
            return None
        code = self._running.poll()
        if code is None:
            return None
        self._running = None
        self.exit_code, self.is_ready = code, False
        self.forget_ready()
        if now_s - self._started_s >= self._timeouts.healthy_s:
            self._delay_s = self._timeouts.first_delay_s
        if self.restarts:
            self.due_s = now_s + self._delay_s
            # Until the restart nobody accepts connections on these sockets. So the
            # kernel must give new connections to the other workers.
            self.close_listeners()
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
        """Send a signal if the process runs."""
        if self._running is not None:
            self._running.send_signal(number)

    def forget_ready(self) -> None:
        """Stop waiting for the process to say that it is ready."""
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None

    def close_listeners(self) -> None:
        """Close the supervisor's copies of the listening sockets."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []
