"""A size-limited cache of ``daily_stats`` frames, shared by all readers.

The key of a frame contains the files it was read from. Files never change, so a frame
is valid for every version of the table with these files. It is removed when the newest
version no longer has them.
"""

from collections import OrderedDict
from threading import Lock

import polars as pl

# The memory of a frame besides its values.
_FRAME_BYTES = 2_048
# When so many facts about files of events are remembered, all are forgotten.
_MAX_REMEMBERED = 10_000

Paths = tuple[str, ...]
# The files of a day or month, the site, the dimension.
Key = tuple[Paths, str, str]


class StatsCache:
    """Frames by files, site and dimension; any thread may use it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = Lock()
        self._frames: OrderedDict[Key, pl.DataFrame] = OrderedDict()
        self._bytes = 0
        # Late events by site, for the files of a day of events.
        self._late: dict[Paths, dict[str, int]] = {}
        # Whether the files of a day hold other dates, by site and time zone.
        self.other_dates: dict[tuple[Paths, str, str], bool] = {}

    def has_late(self, paths: Paths) -> bool:
        """Return whether the late events of *paths* are known."""
        return paths in self._late

    def late(self, paths: Paths, site: str) -> int:
        """Return the number of late events of *site* in *paths*; 0 if not known."""
        return self._late.get(paths, {}).get(site, 0)

    def put_late(self, paths: Paths, counts: dict[str, int]) -> None:
        """Remember the late events of *paths* by site."""
        with self._lock:
            if len(self._late) >= _MAX_REMEMBERED:
                self._late.clear()
            self._late[paths] = counts

    def put_other_dates(self, key: tuple[Paths, str, str], *, has_some: bool) -> None:
        """Remember whether the events of a site in some files have other dates."""
        with self._lock:
            if len(self.other_dates) >= _MAX_REMEMBERED:
                self.other_dates.clear()
            self.other_dates[key] = has_some

    @property
    def size_bytes(self) -> int:
        """The memory of all cached frames."""
        return self._bytes

    def get(self, key: Key) -> pl.DataFrame | None:
        """Return the frame of *key*, and mark it as the most recently used."""
        with self._lock:
            if key not in self._frames:
                return None
            self._frames.move_to_end(key)
            return self._frames[key]

    def has(self, key: Key) -> bool:
        """Return whether *key* is cached, without marking it as used."""
        with self._lock:
            return key in self._frames

    def put(self, key: Key, frame: pl.DataFrame) -> None:
        """Cache *frame*; remove the least recently used frames over the limit."""
        with self._lock:
            self._remove(key)
            self._frames[key] = frame
            self._bytes += _size(frame)
            while self._bytes > self.max_bytes and self._frames:
                self._remove(next(iter(self._frames)))

    def remove_stale(self, live: frozenset[str]) -> None:
        """Remove every frame that was read from a file not in *live*."""
        with self._lock:
            for key in [*self._frames]:
                if not live.issuperset(key[0]):
                    self._remove(key)

    def _remove(self, key: Key) -> None:
        if key in self._frames:
            self._bytes -= _size(self._frames.pop(key))


def _size(frame: pl.DataFrame) -> int:
    return int(frame.estimated_size()) + _FRAME_BYTES
