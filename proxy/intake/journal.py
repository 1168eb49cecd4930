"""Group commit: requests share one fsync, and are answered only after it.

While one fsync runs in the journal's thread, the next group collects requests. The
busier the proxy, the larger the groups. The journal retries nothing: if a group could
not be made durable, the whole group fails and every client in it gets an error.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from batcher.spool.lane import Lane
from config.errors import MillpondError, Retryable
from proxy.pipeline.drops import DropCounts
from warehouse.schema import Drop

_MAX_PENDING_BYTES = 64 * 1024 * 1024
_ENCODER = msgspec.json.Encoder()


class JournalFullError(Retryable, MillpondError):
    """More data waits for the disk than memory may hold."""


class _Group:
    """The data that one fsync makes durable, and the futures that wait for it."""

    __slots__ = ("drops", "lines", "size_bytes", "waiters")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.drops: DropCounts = DropCounts()
        self.waiters: list[asyncio.Future[None]] = []
        self.size_bytes = 0


class Journal:
    """One lane of the spool, written in groups by a thread of its own."""

    def __init__(
        self,
        lane: Lane,
        loop: asyncio.AbstractEventLoop,
        *,
        window_s: float,
        stuck_after_s: float = 5.0,
    ) -> None:
        self._lane = lane
        self._loop = loop
        self._window_s = window_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._group = _Group()
        self._is_busy = False
        self._stuck_after_s = stuck_after_s
        self._write_began_s: float | None = None
        self.is_healthy = True
        # The error of the last write, None if it succeeded.
        self.problem: BaseException | None = None

    @property
    def is_stuck(self) -> bool:
        """Return whether a write has taken so long that the disk must be hanging."""
        began_s = self._write_began_s
        return began_s is not None and self._loop.time() - began_s > self._stuck_after_s

    def append(self, lines: list[bytes], drops: DropCounts) -> asyncio.Future[None]:
        """Return a future that is done once *lines* and *drops* are durable.

        The future raises a ``Retryable`` error if they could not be stored.
        """
        group = self._group
        if group.size_bytes > _MAX_PENDING_BYTES:
            raise JournalFullError("append to the spool: too much waits for the disk")
        waiter = self._join_group()
        group.lines.extend(lines)
        group.size_bytes += sum(map(len, lines))
        if drops:
            group.drops.update(drops)
        if not self._is_busy:
            self._is_busy = True
            self._schedule_commit()
        return waiter

    def _join_group(self) -> asyncio.Future[None]:
        waiter = self._loop.create_future()
        self._group.waiters.append(waiter)
        return waiter

    def _schedule_commit(self) -> None:
        # Even without a window the group is committed in the next turn of the loop, so
        # that all requests already read from their sockets share the fsync.
        if self._window_s:
            self._loop.call_later(self._window_s, self._commit)
        else:
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        group, self._group = self._group, _Group()
        self._write_began_s = self._loop.time()
        write = self._loop.run_in_executor(self._thread, self._write, group)
        write.add_done_callback(lambda done: self._finish_group(group, done))

    def _write(self, group: _Group) -> None:
        self._lane.commit(group.lines, encode_drops(group.drops))

    def _finish_group(self, group: _Group, write: "asyncio.Future[None]") -> None:
        self._write_began_s = None
        error = write.exception()
        self.is_healthy, self.problem = error is None, error
        for waiter in group.waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if self._group.waiters:
            self._schedule_commit()
        else:
            self._is_busy = False

    async def run(self, call: Callable[[], object]) -> None:
        """Run *call* on the lane's thread, between two groups."""
        await self._loop.run_in_executor(self._thread, call)

    async def close(self) -> None:
        """Make everything appended durable, then seal the segment and free the lane."""
        try:
            while self._is_busy:
                # The requests of a group that failed have already got the error.
                with contextlib.suppress(MillpondError):
                    await self._join_group()
            await self.run(self._lane.close)
        finally:
            self._thread.shutdown()


def encode_drops(drops: DropCounts) -> list[bytes]:
    """Return the counts as JSON lines of the ``drops`` table."""
    return [
        _ENCODER.encode(
            Drop(
                site=key.site,
                day=key.day,
                hour=key.hour,
                reason=key.reason,
                protocol=key.protocol,
                count=count,
                bot_kind=key.bot_kind,
            )
        )
        for key, count in drops.items()
    ]
