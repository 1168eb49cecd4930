"""Shares a worker's time between large requests and all others.

A large request is handled in slices. Between two slices the event loop serves everybody
else, and only one large request at a time takes part.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from config.errors import MillpondError, Retryable

Item = TypeVar("Item")
Result = TypeVar("Result")

# Handled at once, because that takes less than a slice.
_MOST_HITS_AT_ONCE = 20
_MOST_BYTES_AT_ONCE = 16_384
# The longest slice, except for a single hit that takes longer.
SLICE_S = 0.005
_MOST_WAITING_HITS = 50_000


class TooBusyError(Retryable, MillpondError):
    """More large requests wait for their turn than memory may hold."""


def is_large(hit_count: int, size_bytes: int) -> bool:
    """Return whether a request of this size is handled in slices."""
    return hit_count > _MOST_HITS_AT_ONCE or size_bytes > _MOST_BYTES_AT_ONCE


class Slices:
    """Calls a function for many items, in slices; *timer* gives seconds."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._turn = asyncio.Lock()
        self._waiting = 0

    def check_room(self, count: int) -> None:
        """Raise ``TooBusyError`` if *count* further items may not wait."""
        if self._waiting and self._waiting + count > _MOST_WAITING_HITS:
            raise TooBusyError(
                f"anonymize {count} events: {self._waiting} events of large requests"
                " wait already"
            )

    async def call(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result]:
        """Return the results of *function* for *items*, in order."""
        self._waiting += len(items)
        try:
            async with self._turn:
                return await self._call(function, items)
        finally:
            self._waiting -= len(items)

    async def _call(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> list[Result]:
        results: list[Result] = []
        ends_at = self._timer() + SLICE_S
        for item in items:
            if self._timer() >= ends_at:
                await asyncio.sleep(0)
                ends_at = self._timer() + SLICE_S
            results.append(function(item))
        return results
