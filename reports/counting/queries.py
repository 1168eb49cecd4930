"""Answers to queries from the stored tables.

``daily_stats`` answers most queries in milliseconds. The other queries are counted
from the events. Both ways give the same figures.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from config.settings import SiteSettings
from reports import caveats
from reports.answer import Answer, AsOf, Figure, SourceTables
from reports.caveats import Caveat
from reports.counting.counted import CountedColumns
from reports.counting.from_events import DayEvents, count_events
from reports.counting.from_stats import (
    count_stats,
    is_folded,
    needs_no_days,
    stored_dimension,
)
from reports.counting.period_facts import PeriodFactsReader
from reports.counting.ranking import result_rows, sum_figures
from reports.counting.received import ReceivedCounts, count_received
from reports.counting.stats_cache import StatsCache
from reports.counting.stats_reader import TOTAL, StatsReader
from reports.deadline import Tick, no_deadline
from reports.period import Period
from reports.query import Query
from warehouse.delta.log_digests import entry_path
from warehouse.figures.open_refunds import NO_RESTS
from warehouse.figures.order_rule import ORDER_REFUNDED
from warehouse.open_refunds import read_rests
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import DamagedTableError, StorageError, TableView, Warehouse

_CACHE_BYTES: Final = 256 * 1024 * 1024
_DAY: Final = timedelta(days=1)
_VISITORS: Final = "visitors"


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
        cache = cache or StatsCache(_CACHE_BYTES)
        self._facts = PeriodFactsReader(self._events, cache)
        self._stats = StatsReader(self._daily, cache)

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
        if self._stats.prepare(sites):
            return True
        self._events.refresh()
        self._facts.prepare()
        return False

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
        if query.until and not self._can_cut(query):
            query = replace(query, until=None)
        source, counted = self._count(query, tick)
        sums = sum_figures(counted.figures, query)
        missing = self._missing(query) if source is SourceTables.EVENTS else 0
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
            missing_days=missing,
            caveats=self._caveats(query, counted, missing),
        )

    def _caveats(
        self, query: Query, counted: CountedColumns, missing_days: int
    ) -> tuple[Caveat, ...]:
        """Return the caveats of an answer, the most important first."""
        found = [caveats.warning(text) for text in self.warnings()]
        is_sum = query.period.days > 1
        if is_sum and any(metric.name == _VISITORS for metric in query.metrics):
            found.append(caveats.daily_visitors())
        if counted.other_currencies:
            found.append(caveats.other_currencies(sorted(counted.other_currencies)))
        if missing_days:
            found.append(caveats.deleted_events(missing_days))
        stored = self._stats.days
        days = query.period.until(stored[-1]).dates() if stored else []
        totals = self._stats.read(query.site.id, TOTAL, days)
        facts = self._facts.read(query.site, totals, days)
        return (*found, *facts.caveats())

    def _can_cut(self, query: Query) -> bool:
        """Return whether the events of the last day are stored, or it has none."""
        last = query.period.last
        has_figures = not self._stats.read(query.site.id, TOTAL, [last]).is_empty()
        return last in self._events.days() or not has_figures

    def _count(self, query: Query, tick: Tick) -> tuple[SourceTables, CountedColumns]:
        if query.until is None:
            return self._count_days(query, tick)
        last = Period(query.period.last, query.period.last)
        cut = count_events(
            replace(query, period=last),
            [day for day in self._events.days() if day in last],
            self._events_reader(query.site, query.until),
            tick,
        )
        if query.period.days == 1:
            return SourceTables.EVENTS, cut
        before = Period(query.period.first, last.first - _DAY)
        whole = replace(query, period=before, until=None)
        source, counted = self._count_days(whole, tick)
        return source, counted + cut

    def _count_days(
        self, query: Query, tick: Tick
    ) -> tuple[SourceTables, CountedColumns]:
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

    def _events_reader(
        self, site: SiteSettings, until: datetime | None = None
    ) -> Callable[[date], DayEvents]:
        def read_events(day: date) -> DayEvents:
            rows = self._events.scan([day]).filter(pl.col("site") == site.id)
            if until is not None:
                rows = rows.filter(pl.col("at") < until.astimezone(UTC))
            events = self._events.collect(rows)
            has_refunds = (events["name"] == ORDER_REFUNDED).any()
            if not has_refunds:
                return DayEvents(events, NO_RESTS)
            return DayEvents(events, read_rests(self._events, day, {site.id}))

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
