"""Frames of ``daily_stats`` kept at hand for all who read it, within a bound.

A frame is kept under the files it was read from. Files never change, so it stays true
for every version of the table that has them, and goes when the newest has not.
"""

from collections import OrderedDict
from threading import Lock

import polars as pl

# What a frame costs beside its values.
_FRAME_BYTES = 2_048

Paths = tuple[str, ...]
# The files of a day or month, the site, the dimension.
Key = tuple[Paths, str, str]


class StatsCache:
    """Frames by files, site and dimension; any thread may use it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = Lock()
        self._kept: OrderedDict[Key, pl.DataFrame] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much memory what is kept takes."""
        return self._bytes

    def frame(self, key: Key) -> pl.DataFrame | None:
        """Return what is kept under *key*, and note that it was of use."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def has(self, key: Key) -> bool:
        """Return whether something is kept under *key*, which is no use of it."""
        with self._lock:
            return key in self._kept

    def keep(self, key: Key, frame: pl.DataFrame) -> None:
        """Keep *frame*, and forget the longest unused past the bound."""
        with self._lock:
            self._forget(key)
            self._kept[key] = frame
            self._bytes += _size(frame)
            while self._bytes > self.max_bytes and self._kept:
                self._forget(next(iter(self._kept)))

    def forget_all_but(self, live: frozenset[str]) -> None:
        """Forget what came from a file that is not one of *live*."""
        with self._lock:
            for key in [*self._kept]:
                if not live.issuperset(key[0]):
                    self._forget(key)

    def _forget(self, key: Key) -> None:
        if key in self._kept:
            self._bytes -= _size(self._kept.pop(key))


def _size(frame: pl.DataFrame) -> int:
    return int(frame.estimated_size()) + _FRAME_BYTES
