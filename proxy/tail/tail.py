"""The live view: sends a line for each hit to listeners on the same machine.

Each worker has a socket in the spool directory that only its owner can open. Lines are
created only while there is a listener, and only for hits that are durable. A slow
listener misses lines and gets their number: the worker does not queue lines for it.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from proxy.pipeline.drops import Dropped
from proxy.tail.lines import MissedLines, encode_line, lines_of
from warehouse.schema import Event

MOST_LISTENERS = 8
# After the greeting, the listener gets every line or the number of missed lines.
GREETING = b"\n"
_MOST_WAITING_BYTES = 64 * 1024
_OWNER_ONLY = 0o600


def socket_path(spool_dir: Path, number: int) -> Path:
    """Return the path of the socket of worker *number*."""
    return spool_dir / f"tail-{number}.sock"


def socket_paths(spool_dir: Path) -> list[Path]:
    """Return the paths of all workers' sockets, including those of stopped workers."""
    return sorted(spool_dir.glob("tail-*.sock"))


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Yield a name of *path* that is short enough for a socket address."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class Tail:
    """Sends lines to all listeners at the socket *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listeners: set[_Listener] = set()
        self._server: asyncio.AbstractServer | None = None
        self._own: os.stat_result | None = None

    @property
    def is_watched(self) -> bool:
        """Whether there is a listener."""
        return bool(self._listeners)

    async def open(self) -> None:
        """Accept listeners; removes a socket that a killed worker left behind."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            with short_name(self._path) as name:
                listening.bind(name)
            # No client can connect before the server listens, so this is in time.
            self._path.chmod(_OWNER_ONLY)
            self._own = self._path.stat()
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: _Listener(self._listeners), sock=listening
            )
        except OSError:
            listening.close()
            raise

    def show(
        self,
        durable: "asyncio.Future[None] | None",
        outcomes: Sequence[Event | Dropped],
        protocol: str,
        now_s: float,
    ) -> None:
        """Send lines for *outcomes* once they are *durable*; none if that fails."""
        if durable is None:
            return

        def send(done: "asyncio.Future[None]") -> None:
            if not done.cancelled() and done.exception() is None:
                self._send_lines(
                    [*map(encode_line, lines_of(outcomes, protocol, now_s))]
                )

        durable.add_done_callback(send)

    def _send_lines(self, lines: Sequence[bytes]) -> None:
        for listener in tuple(self._listeners):
            for line in lines:
                listener.send(line)

    def close(self) -> None:
        """Close all connections, and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for listener in tuple(self._listeners):
            listener.disconnect()
        # The successor of a worker that is replaced has its own socket at this path.
        with suppress(FileNotFoundError):
            if self._own and os.path.samestat(self._own, self._path.stat()):
                self._path.unlink()


class _Listener(asyncio.Protocol):
    """One listener's connection; data from the listener is ignored."""

    def __init__(self, listeners: "set[_Listener]") -> None:
        self._listeners = listeners
        self._transport: asyncio.WriteTransport | None = None
        self._is_slow = False
        self._missed = 0

    def connection_made(
        self,
        transport: asyncio.WriteTransport,  # type: ignore[override] # a stream's
    ) -> None:
        if len(self._listeners) >= MOST_LISTENERS:
            transport.abort()
            return
        transport.set_write_buffer_limits(_MOST_WAITING_BYTES)
        self._transport = transport
        self._listeners.add(self)
        transport.write(GREETING)

    def connection_lost(self, _error: Exception | None) -> None:
        self._listeners.discard(self)

    def pause_writing(self) -> None:
        self._is_slow = True

    def resume_writing(self) -> None:
        self._is_slow = False
        missed, self._missed = self._missed, 0
        if missed:
            self.send(encode_line(MissedLines(count=missed)))

    def send(self, line: bytes) -> None:
        if self._is_slow or self._transport is None:
            self._missed += 1
        else:
            self._transport.write(line)

    def disconnect(self) -> None:
        if self._transport is not None:
            self._transport.abort()
