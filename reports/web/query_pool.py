"""Questions of many callers, answered by few threads: bounded in number and time.

Tables belong to one thread, so each thread has its own reader of them. What waits is
bounded too; beyond it a caller is told to come back.
"""

import asyncio
import logging
import queue
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from config.errors import MillpondError, Retryable
from config.logs import log_event
from reports.counting.queries import Statistics
from reports.deadline import Tick, TooSlowError

THREADS: Final = 2
_MOST_WAITING: Final = 32

_T = TypeVar("_T")


class BusyError(Retryable, MillpondError):
    """More questions wait than are worth keeping."""

    def __init__(self) -> None:
        super().__init__("busy with other questions", hint="ask again in a moment")


class QueryPool:
    """Answers questions in threads of its own; made and used by one event loop."""

    def __init__(
        self, open_statistics: Callable[[], Statistics], *, time_limit_s: float
    ) -> None:
        self._readers: queue.SimpleQueue[Statistics] = queue.SimpleQueue()
        for _ in range(THREADS):
            self._readers.put(open_statistics())
        self._threads = ThreadPoolExecutor(THREADS, "reports")
        self._time_limit_s = time_limit_s
        self._waiting = 0

    async def ask(self, question: Callable[[Statistics, Tick], _T]) -> _T:
        """Return what *question* makes of the statistics, within the time limit.

        Raises ``BusyError`` at once if too many wait, and ``TooSlowError`` in time.
        """
        if self._waiting >= _MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            running = self._threads.submit(self._answer, question, self._deadline())
            return await asyncio.wrap_future(running)
        finally:
            self._waiting -= 1

    def _answer(self, question: Callable[[Statistics, Tick], _T], tick: Tick) -> _T:
        tick()
        reader = self._readers.get()
        try:
            return question(reader, tick)
        finally:
            self._readers.put(reader)

    def _deadline(self) -> Tick:
        end_s = time.monotonic() + self._time_limit_s

        def tick() -> None:
            if time.monotonic() > end_s:
                raise TooSlowError(
                    f"the question takes longer than {self._time_limit_s:g} seconds",
                    hint="ask for fewer days, or for one dimension without filters",
                )

        return tick

    def close(self) -> None:
        """Give up what waits, and return when the rest is done."""
        self._threads.shutdown(cancel_futures=True)


_LOG = logging.getLogger("millpond.reports")
# A build changes the tables; this soon after it its months are at hand again.
_EVERY_S: Final = 30.0


async def keep_cache_warm(
    pool: QueryPool, sites: Collection[str], *, every_s: float = _EVERY_S
) -> None:
    """Prepare month after month of *sites*, and look again for ever.

    Each month is a question of its own, so that others never wait for a year.
    """
    while True:
        try:
            while await pool.ask(lambda tables, _tick: tables.prepare(sites)):
                pass
        except BusyError:
            pass  # people's questions come first
        except MillpondError as error:
            # Whoever asks for these figures is told; here it is one look too early.
            log_event(_LOG, "prepare_failed", level=logging.WARNING, error=error)
        await asyncio.sleep(every_s)
