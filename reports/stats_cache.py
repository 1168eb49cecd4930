"""``daily_stats`` kept at hand: each day's file is read once per site and dimension.

Files never change, so what was read of one stays true until a newer version of the
table no longer has it. What is kept is bounded by *max_bytes*, oldest use first out.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

import polars as pl

from warehouse.delta import delta_errors
from warehouse.schema import DAILY_STATS
from warehouse.tables import TableView

_KEPT = tuple(
    name
    for name in DAILY_STATS.row.__struct_fields__
    if name not in ("site", "dimension")
)
# What a frame costs beside its values.
_FRAME_BYTES = 2_048

_Key = tuple[date, str, str]
_Paths = tuple[str, ...]


class StatsCache:
    """Frames of (site, dimension) by day; belongs to one thread."""

    def __init__(self, view: TableView, max_bytes: int) -> None:
        self._view = view
        self._max_bytes = max_bytes
        self._kept: OrderedDict[_Key, tuple[_Paths, pl.DataFrame]] = OrderedDict()
        self._bytes = 0
        self._paths: dict[date, _Paths] = {}
        self._version: int | None = None

    def refresh(self) -> None:
        """Move on to the newest version, and forget what it no longer has."""
        if self._view.refresh() == self._version:
            return
        self._version = self._view.version
        paths: dict[date, list[str]] = {}
        for file in self._view.files():
            paths.setdefault(file.day, []).append(file.path)
        self._paths = {day: tuple(names) for day, names in paths.items()}
        for key in [*self._kept]:
            if self._kept[key][0] != self._paths.get(key[0]):
                self._forget(key)

    @property
    def size_bytes(self) -> int:
        """How much memory what is kept takes."""
        return self._bytes

    @property
    def days(self) -> Sequence[date]:
        """The days the table has, oldest first."""
        return sorted(self._paths)

    def read(self, site: str, dimension: str, days: Sequence[date]) -> pl.DataFrame:
        """Return the rows of *site* and *dimension* on *days*, without those two."""
        wanted = [day for day in days if day in self._paths]
        # Taken before anything is kept, which may push any of them out.
        frames = {day: self._kept_of((day, site, dimension)) for day in wanted}
        missing = [day for day, frame in frames.items() if frame is None]
        for day, frame in self._load(site, dimension, missing).items():
            frames[day] = frame
            self._keep((day, site, dimension), frame)
        found = [frame for frame in frames.values() if frame is not None]
        return pl.concat(found) if found else self._empty()

    def _kept_of(self, key: _Key) -> pl.DataFrame | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def _load(
        self, site: str, dimension: str, days: Sequence[date]
    ) -> dict[date, pl.DataFrame]:
        if not days:
            return {}
        mine = (
            self._view.scan(days, DAILY_STATS.row.__struct_fields__)
            .filter((pl.col("site") == site) & (pl.col("dimension") == dimension))
            .select(_KEPT)
        )
        with delta_errors("read", DAILY_STATS):
            rows = mine.collect()
        by_day = rows.partition_by("day", as_dict=True)
        return {day: by_day.get((day,), rows.clear()) for day in days}

    def _empty(self) -> pl.DataFrame:
        return self._view.scan([], _KEPT).collect()

    def _keep(self, key: _Key, frame: pl.DataFrame) -> None:
        self._kept[key] = (self._paths[key[0]], frame)
        self._bytes += _size(frame)
        while self._bytes > self._max_bytes and self._kept:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: _Key) -> None:
        self._bytes -= _size(self._kept.pop(key)[1])


def _size(frame: pl.DataFrame) -> int:
    return int(frame.estimated_size()) + _FRAME_BYTES
