"""Reads ``daily_stats`` by site and dimension, through a cache.

``read`` can return closed months as sums, so a year needs only a few rows for each
value. ``prepare`` computes these sums in advance. Then the first query of a year reads
the files of one month only.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

import polars as pl

from reports.counting.stats_cache import Paths, StatsCache
from reports.dimensions import DIMENSIONS, DimensionScope
from warehouse.figures.breakdown import MEASURES
from warehouse.frames import collect
from warehouse.schema import DAILY_STATS
from warehouse.tables import TableView

TOTAL = "total"

_STORED = (
    TOTAL,
    *(
        dimension.name
        for dimension in DIMENSIONS.values()
        if dimension.scope is not DimensionScope.DAY
    ),
)
_GROUP = ("site", "dimension")
_CACHED_COLUMNS = tuple(
    name for name in DAILY_STATS.row.__struct_fields__ if name not in _GROUP
)
# The share of the cache that ``prepare`` may fill; the rest is for queries.
_PREPARED_SHARE = 0.5

_Days = tuple[date, ...]


class StatsReader:
    """Reads the table through a shared cache; for use in one thread."""

    def __init__(self, view: TableView, cache: StatsCache) -> None:
        self._view = view
        self._cache = cache
        self._paths: dict[date, Paths] = {}
        self._version: int | None = None
        # Each month is prepared once, also if its frames do not fit in the cache.
        self._prepared: set[Paths] = set()

    def refresh(self) -> None:
        """Move to the newest version, and remove frames of files it no longer has."""
        if self._view.refresh() == self._version:
            return
        self._version = self._view.version
        paths: dict[date, list[str]] = {}
        for file in self._view.files():
            paths.setdefault(file.day, []).append(file.path)
        self._paths = {day: tuple(names) for day, names in paths.items()}
        live = frozenset(path for names in self._paths.values() for path in names)
        self._cache.remove_stale(live)
        self._prepared &= {self._paths_of(days) for days in self._months().values()}

    @property
    def days(self) -> Sequence[date]:
        """The stored days, oldest first."""
        return sorted(self._paths)

    def read(
        self,
        site: str,
        dimension: str,
        days: Sequence[date],
        *,
        by_month: bool = False,
    ) -> pl.DataFrame:
        """Return the rows of *site* and *dimension* on *days*, without these columns.

        With *by_month*, a closed month whose stored days are all in *days* comes as
        sums, dated on its first stored day.
        """
        stored = [day for day in days if day in self._paths]
        spans = self._spans(stored) if by_month else [(day,) for day in stored]
        # Get all frames before the first put, because a put may remove any of them.
        frames = {span: self._cached(span, site, dimension) for span in spans}
        missing = [span for span, frame in frames.items() if frame is None]
        loaded = self._load(site, dimension, [day for span in missing for day in span])
        for span in missing:
            frame = _added_up([loaded[day] for day in span])
            frames[span] = frame
            self._put(span, site, dimension, frame)
        parts = [frame for frame in frames.values() if frame is not None]
        return pl.concat(parts) if parts else self._empty()

    def prepare(self, sites: Collection[str]) -> bool:
        """Compute the sums of the newest closed month that is not cached.

        The totals of the month are also cached by day. Returns False if nothing is
        left to do or the cache has no room. Call again after ``refresh`` has moved to
        a newer version.
        """
        if self._cache.size_bytes >= _PREPARED_SHARE * self._cache.max_bytes:
            return False
        closed = [*self._months().values()][:-1]
        for days in reversed(closed):
            paths = self._paths_of(days)
            if paths not in self._prepared and not self._is_cached(paths, sites):
                self._prepare(days, sites)
                self._prepared.add(paths)
                return True
        return False

    def _is_cached(self, paths: Paths, sites: Collection[str]) -> bool:
        return all(
            self._cache.has((paths, site, dimension))
            for site in sites
            for dimension in _STORED
        )

    def _prepare(self, days: _Days, sites: Collection[str]) -> None:
        for site in sites:
            self.read(site, TOTAL, days)
        rows = self._view.scan(days).filter(pl.col("site").is_in([*sites]))
        sums = _sums(rows, [*_GROUP, "value", "currency"])
        month = self._view.collect_unordered(sums).partition_by(_GROUP, as_dict=True)
        empty = self._empty()
        for site in sites:
            for dimension in _STORED:
                frame = month.get((site, dimension), empty)
                self._put(days, site, dimension, frame.select(_CACHED_COLUMNS))

    def _months(self) -> Mapping[tuple[int, int], _Days]:
        """Return the stored days of each month, oldest first."""
        return {month: tuple(days) for month, days in groupby(self.days, _month)}

    def _spans(self, days: Iterable[date]) -> list[_Days]:
        """Return *days* grouped: whole closed months together, other days alone."""
        months = self._months()
        newest = max(months, default=None)
        spans: list[_Days] = []
        for month, group in groupby(days, _month):
            span = tuple(group)
            is_whole = span == months[month] and month != newest
            spans += [span] if is_whole else [(day,) for day in span]
        return spans

    def _paths_of(self, days: _Days) -> Paths:
        return tuple(path for day in days for path in self._paths.get(day, ()))

    def _load(
        self, site: str, dimension: str, days: Sequence[date]
    ) -> dict[date, pl.DataFrame]:
        if not days:
            return {}
        selected = (
            self._view.scan(days, DAILY_STATS.row.__struct_fields__)
            .filter((pl.col("site") == site) & (pl.col("dimension") == dimension))
            .select(_CACHED_COLUMNS)
        )
        rows = self._view.collect(selected)
        by_day = rows.partition_by("day", as_dict=True)
        return {day: by_day.get((day,), rows.clear()) for day in days}

    def _empty(self) -> pl.DataFrame:
        return self._view.read([], _CACHED_COLUMNS)

    def _cached(self, days: _Days, site: str, dimension: str) -> pl.DataFrame | None:
        return self._cache.get((self._paths_of(days), site, dimension))

    def _put(self, days: _Days, site: str, dimension: str, frame: pl.DataFrame) -> None:
        self._cache.put((self._paths_of(days), site, dimension), frame)


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _added_up(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the sums of *frames*; a single frame is returned unchanged."""
    if len(frames) == 1:
        return frames[0]
    whole = pl.concat(frames)
    return collect(_sums(whole.lazy(), ["value", "currency"])).select(whole.columns)


def _sums(rows: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    return rows.group_by(by).agg(pl.col("day").min(), pl.col(MEASURES).sum())
