"""Reads large requests in a thread, so that the event loop serves others meanwhile.

A few kilobytes of gzip can hold a million members. Python switches between threads
every few milliseconds, so nobody waits for the reading of such a request.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from proxy.intake.slices import TooBusyError

Result = TypeVar("Result")

# Each waiting request holds its decompressed body.
_MOST_WAITING = 16


class LargeReader:
    """One thread that reads one large request after the other."""

    def __init__(self) -> None:
        # A second thread would only slow down the event loop.
        self._executor = ThreadPoolExecutor(1, "read-large-request")
        self._waiting = 0

    async def read(self, function: Callable[[], Result]) -> Result:
        """Return the result of *function*, called in the thread."""
        if self._waiting >= _MOST_WAITING:
            raise TooBusyError(
                f"read a large request: {self._waiting} of them wait already"
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, function)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Read no further request."""
        self._executor.shutdown(wait=False, cancel_futures=True)
