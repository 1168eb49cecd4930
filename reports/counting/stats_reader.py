"""``daily_stats`` read by site and dimension: what was read once is not read again.

Whole months that are over can be had added up, which makes a year a few rows a value;
``prepare`` adds them up before anyone asks, so that the first question waits for the
files of one month and not of a year.
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
    *(each.name for each in DIMENSIONS.values() if each.span is not DimensionScope.DAY),
)
_GROUP = ("site", "dimension")
_KEPT = tuple(name for name in DAILY_STATS.row.__struct_fields__ if name not in _GROUP)
# The share of the cache that is; what questions ask for needs room too.
_FILLED_AHEAD = 0.5

_Days = tuple[date, ...]


class StatsReader:
    """One reader of the table over a shared cache; belongs to one thread."""

    def __init__(self, view: TableView, cache: StatsCache) -> None:
        self._view = view
        self._cache = cache
        self._paths: dict[date, Paths] = {}
        self._version: int | None = None
        # Each once, also where a single frame is more than the cache holds.
        self._prepared: set[Paths] = set()

    def refresh(self) -> None:
        """Move on to the newest version, and forget what it no longer has."""
        if self._view.refresh() == self._version:
            return
        self._version = self._view.version
        paths: dict[date, list[str]] = {}
        for file in self._view.files():
            paths.setdefault(file.day, []).append(file.path)
        self._paths = {day: tuple(names) for day, names in paths.items()}
        live = frozenset(path for names in self._paths.values() for path in names)
        self._cache.forget_all_but(live)
        self._prepared &= {self._paths_of(days) for days in self._months().values()}

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
        frames = {span: self._kept_of(span, site, dimension) for span in spans}
        missing = [span for span, frame in frames.items() if frame is None]
        loaded = self._load(site, dimension, [day for span in missing for day in span])
        for span in missing:
            frame = _added_up([loaded[day] for day in span])
            frames[span] = frame
            self._keep(span, site, dimension, frame)
        found = [frame for frame in frames.values() if frame is not None]
        return pl.concat(found) if found else self._empty()

    def prepare(self, sites: Collection[str]) -> bool:
        """Add up the newest month that is over and not at hand, for all of *sites*.

        Its totals are kept by day too. False means there was nothing left to do, or no
        room to do it in; call again after ``refresh`` has found a newer version.
        """
        if self._cache.size_bytes >= _FILLED_AHEAD * self._cache.max_bytes:
            return False
        over = [*self._months().values()][:-1]
        for days in reversed(over):
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
        for site in sites:
            for dimension in _STORED:
                frame = month.get((site, dimension))
                kept = self._empty() if frame is None else frame.select(_KEPT)
                self._keep(days, site, dimension, kept)

    def _months(self) -> Mapping[tuple[int, int], _Days]:
        """Return the stored days of each month, the oldest first."""
        return {month: tuple(days) for month, days in groupby(self.days, _month)}

    def _spans(self, wanted: Iterable[date]) -> list[_Days]:
        """Return *wanted* as whole months where they are closed, else as days."""
        stored = self._months()
        newest = max(stored, default=None)
        spans: list[_Days] = []
        for month, group in groupby(wanted, _month):
            days = tuple(group)
            is_whole = days == stored[month] and month != newest
            spans += [days] if is_whole else [(day,) for day in days]
        return spans

    def _paths_of(self, days: _Days) -> Paths:
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
        rows = self._view.collect(mine)
        by_day = rows.partition_by("day", as_dict=True)
        return {day: by_day.get((day,), rows.clear()) for day in days}

    def _empty(self) -> pl.DataFrame:
        return self._view.read([], _KEPT)

    def _kept_of(self, days: _Days, site: str, dimension: str) -> pl.DataFrame | None:
        return self._cache.frame((self._paths_of(days), site, dimension))

    def _keep(
        self, days: _Days, site: str, dimension: str, frame: pl.DataFrame
    ) -> None:
        self._cache.keep((self._paths_of(days), site, dimension), frame)


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _added_up(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of one day as they are, those of several added up."""
    if len(frames) == 1:
        return frames[0]
    whole = pl.concat(frames)
    return collect(_sums(whole.lazy(), ["value", "currency"])).select(whole.columns)


def _sums(rows: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    return rows.group_by(by).agg(pl.col("day").min(), pl.col(MEASURES).sum())
