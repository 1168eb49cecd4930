"""Finds the facts about a period that its caveats name, from few columns.

The figures of days come from ``daily_stats``. Only late events and the dates of the
first day are read from the events. Each file is read once, because files never change.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from config.settings import SiteSettings
from reports.caveats import PeriodFacts
from reports.counting.stats_cache import Paths, StatsCache
from warehouse.tables import TableView


class PeriodFactsReader:
    """Reads facts; for use in one thread, with a cache that threads share."""

    def __init__(self, events: TableView, cache: StatsCache) -> None:
        self._events = events
        self._cache = cache

    def read(
        self, site: SiteSettings, totals: pl.DataFrame, days: Sequence[date]
    ) -> PeriodFacts:
        """Return the facts about *days*; *totals* are their rows of ``total``.

        The newest day of all sites may just have begun, so it is never an empty day.
        """
        foreign = totals.filter(
            (pl.col("currency") != site.currency) & (pl.col("events") > 0)
        )
        former = foreign.group_by("currency").agg(pl.col("day").n_unique())
        sums = totals.group_by("day").agg(pl.col("visitors", "pageviews").sum())
        unseen = sums.filter((pl.col("visitors") == 0) & (pl.col("pageviews") > 0))
        paths = self._paths(days)
        return PeriodFacts(
            empty_days=_gaps(set(totals["day"]), days, self._events.days()),
            days_without_visitors=sorted(unseen["day"]),
            former_currencies=dict(former.iter_rows()),
            late_events=self._late_events(site.id, paths),
            has_other_dates=self._has_other_dates(site, paths),
        )

    def prepare(self) -> None:
        """Read what all days need, so that the first query about a year is fast."""
        self._late_events("", self._paths(self._events.days()))

    def _paths(self, days: Sequence[date]) -> dict[date, Paths]:
        paths: dict[date, list[str]] = {}
        for file in self._events.files(days):
            paths.setdefault(file.day, []).append(file.path)
        return {day: tuple(names) for day, names in paths.items()}

    def _late_events(self, site: str, paths: dict[date, Paths]) -> int:
        missing = [
            day for day, names in paths.items() if not self._cache.has_late(names)
        ]
        if missing:
            rows = self._events.scan(missing, ["site", "day", "late"]).filter("late")
            late = self._events.collect(rows.group_by("day", "site").len())
            for day in missing:
                counts = late.filter(pl.col("day") == day).select("site", "len")
                self._cache.put_late(paths[day], dict(counts.iter_rows()))
        return sum(self._cache.late(names, site) for names in paths.values())

    def _has_other_dates(self, site: SiteSettings, paths: dict[date, Paths]) -> bool:
        """Return whether the first stored day was dated by another time zone."""
        if not paths:
            return False
        first = min(paths)
        key = (paths[first], site.id, site.timezone)
        known = self._cache.other_dates.get(key)
        if known is None:
            there = pl.col("at").dt.convert_time_zone(site.timezone).dt.date()
            rows = self._events.scan([first], ["site", "day", "at", "late"]).filter(
                pl.col("site") == site.id, ~pl.col("late"), there != pl.col("day")
            )
            known = bool(self._events.collect(rows.select(pl.len())).item())
            self._cache.put_other_dates(key, has_some=known)
        return known


def _gaps(
    stored: set[date], days: Sequence[date], of_any_site: Sequence[date]
) -> list[date]:
    """Return the days without data between the first one with data and the newest."""
    if not stored or not of_any_site:
        return []
    first, newest = min(stored), of_any_site[-1]
    return [day for day in days if first < day < newest and day not in stored]
