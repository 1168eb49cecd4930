"""Reads the live view of all workers on this machine, including later ones."""

import selectors
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from config.errors import MillpondError
from proxy.tail.lines import Line, decode_line
from proxy.tail.tail import GREETING, MOST_LISTENERS, short_name, socket_paths

_RECONNECT_S = 1.0
_CHUNK = 65_536
_GREETING_S = 2.0


class NoProxyError(MillpondError):
    """No worker accepts a connection."""

    exit_code = 2


class NotAllowedError(MillpondError):
    """The proxy runs as another user."""

    exit_code = 2


class Workers:
    """The connections to the workers of one proxy."""

    def __init__(self, spool_dir: Path) -> None:
        self._spool_dir = spool_dir
        self._selector = selectors.DefaultSelector()
        self._streams: dict[Path, _WorkerStream] = {}

    def __enter__(self) -> Self:
        """Connect to all running workers; raises ``NoProxyError`` if there is none."""
        self.connect()
        if not self.count:
            self.__exit__()
            raise NoProxyError(
                f"listen in {self._spool_dir}: no proxy runs here, or its workers"
                " accept no more listeners",
                hint="start `millpond up`, or name its configuration with --config;"
                f" at most {MOST_LISTENERS} may listen at once",
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close all connections."""
        for path in tuple(self._streams):
            self._disconnect(path)
        self._selector.close()

    @property
    def count(self) -> int:
        """The number of connected workers."""
        return len(self._streams)

    def follow(self, send_status: Callable[[str], None]) -> Iterator[Line]:
        """Yield lines from all workers, endlessly.

        Calls *send_status* with a sentence when the number of workers changes.
        """
        count = -1
        while True:
            if self.count != count:
                count = self.count
                send_status(_status(count))
            reconnect_at_s = time.monotonic() + _RECONNECT_S
            while (wait_s := reconnect_at_s - time.monotonic()) > 0:
                yield from self._lines(wait_s)
            self.connect()

    def connect(self) -> None:
        """Connect to workers that are not connected yet."""
        for path in socket_paths(self._spool_dir):
            if path in self._streams:
                continue
            connection = _connect(path)
            if connection is not None:
                self._streams[path] = _WorkerStream(connection)
                self._selector.register(connection, selectors.EVENT_READ, path)

    def _lines(self, wait_s: float) -> Iterator[Line]:
        """Yield the lines that have arrived; waits at most *wait_s* for them."""
        for key, _ in self._selector.select(wait_s):
            stream = self._streams[key.data]
            yield from stream.read()
            if stream.has_ended:
                self._disconnect(key.data)

    def _disconnect(self, path: Path) -> None:
        stream = self._streams.pop(path)
        self._selector.unregister(stream.connection)
        stream.connection.close()


class _WorkerStream:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.has_ended = False
        self._partial_line = b""

    def read(self) -> Iterator[Line]:
        """Yield the complete lines."""
        try:
            chunk = self.connection.recv(_CHUNK)
        except ConnectionResetError:
            chunk = b""
        self.has_ended = not chunk
        *lines, self._partial_line = (self._partial_line + chunk).split(b"\n")
        yield from map(decode_line, lines)


def _status(count: int) -> str:
    if not count:
        return "the proxy has stopped; waiting for it"
    return f"listening to {count} worker{'' if count == 1 else 's'}; Ctrl-C ends"


def _connect(path: Path) -> socket.socket | None:
    """Return a connection to the worker at *path*, None if it does not run any more."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with short_name(path) as name:
            connection.connect(name)
        connection.settimeout(_GREETING_S)
        greeting = connection.recv(len(GREETING))
    except PermissionError:
        connection.close()
        raise NotAllowedError(
            f"listen at {path}: this user may not open the socket",
            hint="run this as the user the proxy runs as",
        ) from None
    except OSError:
        greeting = b""
    if greeting == GREETING:
        return connection
    connection.close()
    return None
