"""Listens to all workers of this machine, those that start later included."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from config.errors import MillpondError
from proxy.tail.lines import Line, decode_line
from proxy.tail.tail import GREETING, MOST_LISTENERS, short_name, socket_paths

_LOOK_AGAIN_S = 1.0
_CHUNK = 65_536
_GREETING_S = 2.0


class NoProxyError(MillpondError):
    """Nobody is there to listen to."""

    exit_code = 2


class NotAllowedError(MillpondError):
    """The proxy runs as somebody else."""

    exit_code = 2


class Workers:
    """The workers that are listened to."""

    def __init__(self, spool_dir: Path) -> None:
        self._spool_dir = spool_dir
        self._selector = selectors.DefaultSelector()
        self._joined: dict[Path, _WorkerStream] = {}

    def __enter__(self) -> Self:
        """Join those that run; raises ``NoProxyError`` where none does."""
        self.join()
        if not self.count:
            self.__exit__()
            raise NoProxyError(
                f"listen in {self._spool_dir}: no proxy here, or it lets nobody in",
                hint="start `millpond up`, or name its configuration with --config;"
                f" at most {MOST_LISTENERS} may listen at once",
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        """Leave them all."""
        for path in tuple(self._joined):
            self._leave(path)
        self._selector.close()

    @property
    def count(self) -> int:
        """How many are listened to."""
        return len(self._joined)

    def follow(self, send: Callable[[str], None]) -> Iterator[Line]:
        """Yield what they tell, for ever; *tell* is called with how many there are."""
        count = -1
        while True:
            if self.count != count:
                count = self.count
                send(_following(count))
            look_at_s = time.monotonic() + _LOOK_AGAIN_S
            while (wait_s := look_at_s - time.monotonic()) > 0:
                yield from self._lines(wait_s)
            self.join()

    def join(self) -> None:
        """Listen to the workers that were not there before."""
        for path in socket_paths(self._spool_dir):
            if path in self._joined:
                continue
            connected = _connected(path)
            if connected is not None:
                self._joined[path] = _WorkerStream(connected)
                self._selector.register(connected, selectors.EVENT_READ, path)

    def _lines(self, wait_s: float) -> Iterator[Line]:
        """Yield what has come, at the latest after *wait_s*."""
        for key, _ in self._selector.select(wait_s):
            worker = self._joined[key.data]
            yield from worker.read()
            if worker.has_ended:
                self._leave(key.data)

    def _leave(self, path: Path) -> None:
        worker = self._joined.pop(path)
        self._selector.unregister(worker.connected)
        worker.connected.close()


class _WorkerStream:
    def __init__(self, connected: socket.socket) -> None:
        self.connected = connected
        self.has_ended = False
        self._begun = b""

    def read(self) -> Iterator[Line]:
        """Yield the lines that are complete."""
        try:
            chunk = self.connected.recv(_CHUNK)
        except ConnectionResetError:
            chunk = b""
        self.has_ended = not chunk
        *whole, self._begun = (self._begun + chunk).split(b"\n")
        yield from map(decode_line, whole)


def _following(count: int) -> str:
    if not count:
        return "the proxy has stopped; waiting for it"
    return f"listening to {count} worker{'' if count == 1 else 's'}; Ctrl-C ends"


def _connected(path: Path) -> socket.socket | None:
    """Return a connection to the worker at *path*, None where it is no more."""
    connected = socket.socket(socket.AF_UNIX)
    try:
        with short_name(path) as name:
            connected.connect(name)
        connected.settimeout(_GREETING_S)
        greeting = connected.recv(len(GREETING))
    except PermissionError:
        connected.close()
        raise NotAllowedError(
            f"listen at {path}: not allowed",
            hint="run this as the user the proxy runs as",
        ) from None
    except OSError:
        greeting = b""
    if greeting == GREETING:
        return connected
    connected.close()
    return None
