"""A live view of what arrives, for whoever sits at the machine.

Each worker has a socket in the spool's directory, for its owner alone. A line is made
only while somebody listens, and of what is on the disk already. Whoever reads too
slowly loses lines, and is told how many: nothing is held back for them.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proxy.pipeline.drops import Dropped
from proxy.tail.lines import MissedLines, encode_line, lines_of
from warehouse.schema import Event

MOST_LISTENERS = 8
# Says that from here on nothing is left out.
GREETING = b"\n"
_MOST_WAITING_BYTES = 64 * 1024
_OWNER_ONLY = 0o600


def socket_path(spool_dir: Path, number: int) -> Path:
    """Return where worker *number* tells what arrives."""
    return spool_dir / f"tail-{number}.sock"


def socket_paths(spool_dir: Path) -> list[Path]:
    """Return where workers tell what arrives, or told it once."""
    return sorted(spool_dir.glob("tail-*.sock"))


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Yield a name of *path* that fits a socket's address, however deep it lies."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class Tail:
    """Tells everybody who listens at *path*."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listeners: set[_Listener] = set()
        self._server: asyncio.AbstractServer | None = None

    @property
    def is_watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    async def open(self) -> None:
        """Let listeners in; what a worker that died left there is removed."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        try:
            with short_name(self._path) as name:
                listening.bind(name)
            # Nobody can connect before it listens.
            self._path.chmod(_OWNER_ONLY)
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
        """Tell of *outcomes* once they are *durable*; never, if that fails."""
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
        """Hang up, and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for listener in tuple(self._listeners):
            listener.hang_up()
        self._path.unlink(missing_ok=True)


class _Listener(asyncio.Protocol):
    """One who listens; what is said to us is passed over."""

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

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()
