"""Runs the queries of many callers in a few threads, with limits of number and time.

``Statistics`` is for use in one thread, so each thread has its own. The number of
waiting queries is limited too; a query over the limit is refused.
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
_MAX_WAITING: Final = 32

_T = TypeVar("_T")


class BusyError(Retryable, MillpondError):
    """Too many queries are waiting."""

    def __init__(self) -> None:
        super().__init__(
            "answer the query: too many other queries are waiting",
            hint="try again in a few seconds",
        )


class QueryPool:
    """Runs queries in its own threads; for use in one event loop."""

    def __init__(
        self, open_statistics: Callable[[], Statistics], *, time_limit_s: float
    ) -> None:
        self._free: queue.SimpleQueue[Statistics] = queue.SimpleQueue()
        for _ in range(THREADS):
            self._free.put(open_statistics())
        self._threads = ThreadPoolExecutor(THREADS, "reports")
        self._time_limit_s = time_limit_s
        self._waiting = 0

    async def run(self, query: Callable[[Statistics, Tick], _T]) -> _T:
        """Return the result of *query* on the statistics.

        Raises ``BusyError`` at once if too many queries are waiting, and
        ``TooSlowError`` after the time limit.
        """
        if self._waiting >= _MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            future = self._threads.submit(self._run, query, self._deadline())
            return await asyncio.wrap_future(future)
        finally:
            self._waiting -= 1

    def _run(self, query: Callable[[Statistics, Tick], _T], tick: Tick) -> _T:
        tick()
        statistics = self._free.get()
        try:
            return query(statistics, tick)
        finally:
            self._free.put(statistics)

    def _deadline(self) -> Tick:
        end_s = time.monotonic() + self._time_limit_s

        def tick() -> None:
            if time.monotonic() > end_s:
                raise TooSlowError(
                    "answer the query: it takes longer than"
                    f" {self._time_limit_s:g} seconds",
                    hint="query fewer days, or one dimension without filters",
                )

        return tick

    def close(self) -> None:
        """Cancel the waiting queries, and return when the running ones have ended."""
        self._threads.shutdown(cancel_futures=True)


_LOG = logging.getLogger("millpond.reports")
# A build changes the tables; the cache is warm again at most this long after it.
_EVERY_S: Final = 30.0


async def keep_cache_warm(
    pool: QueryPool, sites: Collection[str], *, every_s: float = _EVERY_S
) -> None:
    """Load the closed months of *sites* into the cache, again after every build.

    Each month is a query of its own, so that other queries wait for one month at most.
    """
    while True:
        try:
            while await pool.run(lambda statistics, _tick: statistics.prepare(sites)):
                pass
        except BusyError:
            pass  # the queries of callers come first
        except MillpondError as error:
            # A later round may succeed. A caller who needs the figures gets the error.
            log_event(_LOG, "prepare_failed", level=logging.WARNING, error=error)
        await asyncio.sleep(every_s)
