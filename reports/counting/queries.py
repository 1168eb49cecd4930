"""Answers to queries from the stored tables.

``daily_stats`` answers most queries in milliseconds. The other queries are counted
from the events. Both ways give the same figures.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import polars as pl

from config.settings import SiteSettings
from reports.answer import Answer, AsOf, Figure, SourceTables
from reports.counting.counted import CountedColumns
from reports.counting.from_events import count_events
from reports.counting.from_stats import (
    count_stats,
    is_folded,
    needs_no_days,
    stored_dimension,
)
from reports.counting.ranking import result_rows, sum_figures
from reports.counting.received import ReceivedCounts, count_received
from reports.counting.stats_cache import StatsCache
from reports.counting.stats_reader import TOTAL, StatsReader
from reports.deadline import Tick, no_deadline
from reports.period import Period
from reports.query import Query
from warehouse.delta.log_digests import entry_path
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import DamagedTableError, StorageError, TableView, Warehouse

_CACHE_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """The stored days of a site, and the state of the tables."""

    first_day: date | None
    last_day: date | None
    loaded: AsOf | None
    built: AsOf | None


class Statistics:
    """Answers queries from the tables of one warehouse; for use in one thread.

    *warnings* returns what is currently wrong with the figures, for every answer.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        cache: StatsCache | None = None,
        warnings: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.warnings = warnings
        self._events = warehouse.view(EVENTS)
        self._daily = warehouse.view(DAILY_STATS)
        self._sessions = warehouse.view(SESSIONS)
        self._drops = warehouse.view(DROPS)
        self._stats = StatsReader(self._daily, cache or StatsCache(_CACHE_BYTES))

    def answer(self, query: Query, tick: Tick = no_deadline) -> Answer:
        """Return the answer to *query* from the newest version of the tables.

        *tick* is called regularly, and raises after the deadline.
        """
        try:
            return self._answer(query, tick)
        except (DamagedTableError, StorageError):
            # Another process may just have replaced and removed a file of the version
            # in use. The second try reads the newest version.
            return self._answer(query, tick)

    def prepare(self, sites: Collection[str]) -> bool:
        """Load one more month of the figures of *sites* into the cache.

        Returns False if there is nothing left to do until the tables change.
        """
        self._stats.refresh()
        return self._stats.prepare(sites)

    def state(self, site: SiteSettings) -> SiteState:
        """Return the stored days of *site* and the state of the tables."""
        self._refresh()
        days = self._stats.read(site.id, TOTAL, self._stats.days)["day"]
        return SiteState(
            first_day=_date(days.min()),
            last_day=_date(days.max()),
            loaded=_as_of(self._events),
            built=_as_of(self._daily),
        )

    def received(self, site: SiteSettings, period: Period) -> ReceivedCounts:
        """Return the counts of all hits for *site* in *period*, by outcome."""
        self._refresh()
        self._drops.refresh()
        self._sessions.refresh()
        received = count_received(
            site, period, self._events, self._drops, self._sessions
        )
        return replace(received, warnings=self.warnings())

    def _refresh(self) -> None:
        self._stats.refresh()
        self._events.refresh()

    def _answer(self, query: Query, tick: Tick) -> Answer:
        self._refresh()
        source, counted = self._count(query, tick)
        sums = sum_figures(counted.figures, query)
        return Answer(
            query=query,
            rows=result_rows(sums, query),
            row_count=sums.height,
            source=source,
            totals=self._totals(query, tick) if query.totals else None,
            as_of=_as_of(
                self._daily if source is SourceTables.DAILY_STATS else self._events
            ),
            other_currencies=tuple(sorted(counted.other_currencies)),
            missing_days=self._missing(query) if source is SourceTables.EVENTS else 0,
            warnings=self.warnings(),
        )

    def _count(self, query: Query, tick: Tick) -> tuple[SourceTables, CountedColumns]:
        dimension = stored_dimension(query)
        if dimension is not None:
            days, by_month = query.period.dates(), needs_no_days(query)
            stats = self._stats.read(query.site.id, dimension, days, by_month=by_month)
            if not is_folded(stats, query):
                return SourceTables.DAILY_STATS, count_stats(stats, query)
        days = [day for day in self._events.days() if day in query.period]
        return SourceTables.EVENTS, count_events(
            query, days, self._events_reader(query.site), tick
        )

    def _totals(self, query: Query, tick: Tick) -> tuple[Figure, ...]:
        """Return the figures without dimensions, from a second count.

        The rows cannot be added up, because a visitor may be in several rows.
        """
        whole = replace(query, dimensions=(), order_by=(), totals=False)
        _, counted = self._count(whole, tick)
        return result_rows(sum_figures(counted.figures, whole), whole)[0].metrics

    def _events_reader(self, site: SiteSettings) -> Callable[[date], pl.DataFrame]:
        def read_events(day: date) -> pl.DataFrame:
            rows = self._events.scan([day]).filter(pl.col("site") == site.id)
            return self._events.collect(rows)

        return read_events

    def _missing(self, query: Query) -> int:
        """Return the number of days with figures whose events are already deleted."""
        stored = self._stats.read(query.site.id, TOTAL, query.period.dates())["day"]
        return len(set(stored) - set(self._events.days()))


def _date(value: object) -> date | None:
    return value if isinstance(value, date) else None


def _as_of(view: TableView) -> AsOf | None:
    """Return the version of *view* and its commit time; None if there is no table."""
    try:
        at_s = entry_path(view.path, view.version).stat().st_mtime
    except FileNotFoundError:
        return None
    return AsOf(version=view.version, at_s=int(at_s))
