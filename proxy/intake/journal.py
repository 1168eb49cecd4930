"""Group commit: requests wait together for one fsync, and answer only after it.

While one fsync runs in the journal's thread the next group gathers by itself, so
the busier the proxy, the larger the groups. Nothing is retried here: a group that
could not be made durable fails whole, and its clients are told so.
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

_PENDING_MOST = 64 * 1024 * 1024
_ENCODER = msgspec.json.Encoder()


class JournalFullError(Retryable, MillpondError):
    """More waits for the disk than memory may hold."""


class _Group:
    """What one fsync will make durable, and who waits for it."""

    __slots__ = ("drops", "lines", "size", "waiters")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.drops: DropCounts = DropCounts()
        self.waiters: list[asyncio.Future[None]] = []
        self.size = 0


class Journal:
    """One lane of the spool, written by groups from a thread of its own."""

    def __init__(
        self,
        lane: Lane,
        loop: asyncio.AbstractEventLoop,
        *,
        window_s: float,
        patience_s: float = 5.0,
    ) -> None:
        self._lane = lane
        self._loop = loop
        self._window_s = window_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._group = _Group()
        self._busy = False
        self._patience_s = patience_s
        self._began_s: float | None = None
        self.healthy = True
        # Why the last write failed.
        self.problem: BaseException | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether a write has not come back for so long that the disk must hang."""
        began_s = self._began_s
        return began_s is not None and self._loop.time() - began_s > self._patience_s

    def append(self, lines: list[bytes], drops: DropCounts) -> asyncio.Future[None]:
        """Return a future that is done once *lines* and *drops* are durable.

        It raises a ``Retryable`` error where they could not be kept.
        """
        group = self._group
        if group.size > _PENDING_MOST:
            raise JournalFullError("append to the spool: too much waits for the disk")
        waiter = self._join()
        group.lines.extend(lines)
        group.size += sum(map(len, lines))
        if drops:
            group.drops.update(drops)
        if not self._busy:
            self._busy = True
            self._start_next()
        return waiter

    def _join(self) -> asyncio.Future[None]:
        waiter = self._loop.create_future()
        self._group.waiters.append(waiter)
        return waiter

    def _start_next(self) -> None:
        # Even with no window the group is taken in the next turn of the loop, so
        # that all requests already read from their sockets share the fsync.
        if self._window_s:
            self._loop.call_later(self._window_s, self._commit)
        else:
            self._loop.call_soon(self._commit)

    def _commit(self) -> None:
        group, self._group = self._group, _Group()
        self._began_s = self._loop.time()
        written = self._loop.run_in_executor(self._thread, self._write, group)
        written.add_done_callback(lambda done: self._finish_group(group, done))

    def _write(self, group: _Group) -> None:
        self._lane.commit(group.lines, encode_drops(group.drops))

    def _finish_group(self, group: _Group, written: "asyncio.Future[None]") -> None:
        self._began_s = None
        error = written.exception()
        self.healthy, self.problem = error is None, error
        for waiter in group.waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if self._group.waiters:
            self._start_next()
        else:
            self._busy = False

    async def run(self, call: Callable[[], object]) -> None:
        """Run *call* on the lane's thread, between two groups."""
        await self._loop.run_in_executor(self._thread, call)

    async def close(self) -> None:
        """Make everything appended durable, then seal and leave the lane."""
        try:
            while self._busy:
                # Who waited for a group that failed has been told so.
                with contextlib.suppress(MillpondError):
                    await self._join()
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
            )
        )
        for key, count in drops.items()
    ]
