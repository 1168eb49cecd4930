"""``daily_stats`` kept at hand: what is read of a file once is not read again.

Files never change, so what was read of one stays true until a newer version of the
table no longer has it. Whole months that are over can be had added up, which makes a
year a few rows a value. What is kept is bounded, the longest unused goes first.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

import polars as pl

from warehouse.breakdown import MEASURES
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

_Days = tuple[date, ...]
_Key = tuple[_Days, str, str]
_Paths = tuple[str, ...]


class StatsCache:
    """Frames of a site and dimension by day or month; belongs to one thread."""

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
            if self._kept[key][0] != self._paths_of(key[0]):
                self._forget(key)

    @property
    def size_bytes(self) -> int:
        """How much memory what is kept takes."""
        return self._bytes

    @property
    def days(self) -> Sequence[date]:
        """The days the table has, oldest first."""
        return sorted(self._paths)

    def read(
        self,
        site: str,
        dimension: str,
        days: Sequence[date],
        *,
        by_month: bool = False,
    ) -> pl.DataFrame:
        """Return the rows of *site* and *dimension* on *days*, without those two.

        *by_month*: those of a month that is over and wanted whole come added up,
        as if they were of its first stored day.
        """
        wanted = [day for day in days if day in self._paths]
        spans = self._spans(wanted) if by_month else [(day,) for day in wanted]
        # Taken before anything is kept, which may push any of them out.
        frames = {span: self._kept_of((span, site, dimension)) for span in spans}
        missing = [span for span, frame in frames.items() if frame is None]
        loaded = self._load(site, dimension, [day for span in missing for day in span])
        for span in missing:
            frame = _added_up([loaded[day] for day in span])
            frames[span] = frame
            self._keep((span, site, dimension), frame)
        found = [frame for frame in frames.values() if frame is not None]
        return pl.concat(found) if found else self._empty()

    def _spans(self, wanted: Iterable[date]) -> list[_Days]:
        """Return *wanted* as whole months where they are closed, else as days."""
        stored = {month: tuple(days) for month, days in groupby(self.days, _month)}
        newest = max(stored, default=None)
        spans: list[_Days] = []
        for month, group in groupby(wanted, _month):
            days = tuple(group)
            is_whole = days == stored[month] and month != newest
            spans += [days] if is_whole else [(day,) for day in days]
        return spans

    def _paths_of(self, days: _Days) -> _Paths:
        return tuple(path for day in days for path in self._paths.get(day, ()))

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

    def _kept_of(self, key: _Key) -> pl.DataFrame | None:
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def _keep(self, key: _Key, frame: pl.DataFrame) -> None:
        self._kept[key] = (self._paths_of(key[0]), frame)
        self._bytes += _size(frame)
        while self._bytes > self._max_bytes and self._kept:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: _Key) -> None:
        self._bytes -= _size(self._kept.pop(key)[1])


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _added_up(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of one day as they are, those of several added up."""
    if len(frames) == 1:
        return frames[0]
    whole = pl.concat(frames)
    sums = whole.group_by("value", "currency").agg(
        pl.col("day").min(), pl.col(MEASURES).sum()
    )
    return sums.select(whole.columns)


def _size(frame: pl.DataFrame) -> int:
    return int(frame.estimated_size()) + _FRAME_BYTES
