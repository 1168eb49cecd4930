"""The build: events to ``sessions`` and ``daily_stats``, only where something changed.

One day at a time is in memory. Each table is replaced in one commit for all days, so
a reader sees a build whole or not at all. Running it twice, or dying on any line,
changes nothing: what was built is recorded with the last commit.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from datetime import date

import msgspec
import polars as pl

from config.errors import MillpondError, Retryable
from config.logs import say
from config.settings import Settings
from warehouse.daily_stats import daily_stats
from warehouse.locks import try_locked
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.sessionize import sessionize
from warehouse.sessions import sessions
from warehouse.tables import StoredTable, TableView, Warehouse

_LOG = logging.getLogger(__name__)
_LOCK = "build.lock"
# So many days share a pair of commits: figures of more would not fit in memory.
_DAYS_AT_ONCE = 31
_NO_CURRENCY = "XXX"
# The newest version of events that is in the derived tables, counted from 1.
_BUILT_APP = "build"

SitesByDay = dict[date, frozenset[str]]


class BuildBusyError(Retryable, MillpondError):
    """Another process is building."""


class Rules(msgspec.Struct, frozen=True):
    """What the figures depend on besides the events."""

    currencies: Mapping[str, str]
    zones: Mapping[str, str]
    value_limit: int


class Built(msgspec.Struct, frozen=True):
    """What a build did."""

    days: int = 0
    events: int = 0
    sessions: int = 0
    daily_stats: int = 0

    def __add__(self, other: "Built") -> "Built":
        """Return both together."""
        return Built(
            *map(
                sum,
                zip(
                    msgspec.structs.astuple(self),
                    msgspec.structs.astuple(other),
                    strict=True,
                ),
            )
        )


class Difference(msgspec.Struct, frozen=True):
    """A stored (site, day) whose rows are not those its events give."""

    table: str
    site: str
    day: date


def rules_of(settings: Settings) -> Rules:
    """Return what the configuration says about figures."""
    return Rules(
        currencies={site.id: site.currency for site in settings.sites},
        zones={site.id: site.timezone for site in settings.sites},
        value_limit=settings.warehouse.value_limit,
    )


def build(
    warehouse: Warehouse,
    rules: Rules,
    now_s: float,
    *,
    since: date | None = None,
    until: date | None = None,
    full: bool = False,
) -> Built:
    """Rebuild the (site, day) pairs that changed since the last build.

    *since* and *until* bound the days, both included; with *full* every (site, day)
    within them is rebuilt. Raises ``BuildBusyError`` while another build runs.
    """
    with try_locked(warehouse.root / _LOCK) as ours:
        if not ours:
            raise BuildBusyError("build: another build is running")
        return _Build(warehouse, rules, now_s).run(since, until, full=full)


class _Build:
    """One build, under the lock."""

    def __init__(self, warehouse: Warehouse, rules: Rules, now_s: float) -> None:
        # Opened, not viewed: what is noted as built must be durable itself.
        self._events = warehouse.open(EVENTS)
        self._sessions = warehouse.open(SESSIONS)
        self._stats = warehouse.open(DAILY_STATS)
        self._rules = rules
        self._now_s = now_s

    def run(self, since: date | None, until: date | None, *, full: bool) -> Built:
        number = self._events.version + 1
        bounded = since is not None or until is not None
        last = self._stats.transaction_version(_BUILT_APP) or 0
        if number <= last and not full:
            return Built()
        wanted = self._wanted(last, full=full or last == 0)
        days = {
            day: sites for day, sites in wanted.items() if _within(day, since, until)
        }
        # A build of some days leaves the others to the next one.
        done = {} if bounded or number <= last else {_BUILT_APP: number}
        built = Built()
        order = sorted(days)
        for start in range(0, len(order), _DAYS_AT_ONCE):
            part = order[start : start + _DAYS_AT_ONCE]
            built += self._replace({day: days[day] for day in part})
        if done:
            self._stats.replace_days([], [], now_s=self._now_s, transactions=done)
        return built

    def _wanted(self, last: int, *, full: bool) -> SitesByDay:
        """Return the days to rebuild, with their sites; an empty set is all of them.

        Only days that have events: figures outlive the events that retention removes.
        """
        stored = self._events.days()
        touched = None if full else self._events.touched(last - 1)
        if touched is None:
            return dict.fromkeys(stored, frozenset())
        days: SitesByDay = {}
        for site, day in touched:
            days[day] = days.get(day, frozenset()) | {site}
        return {day: days[day] for day in stored if day in days}

    def _replace(self, days: SitesByDay) -> Built:
        stats: list[pl.DataFrame] = []
        counts = {"events": 0, "sessions": 0}

        def session_frames() -> Iterator[pl.DataFrame]:
            for day in days:
                events, found, figures = self._derive(day, days[day])
                counts["events"] += events
                counts["sessions"] += found.height
                stats.append(figures)
                yield found

        self._sessions.replace_days(days, session_frames(), now_s=self._now_s)
        self._stats.replace_days(days, stats, now_s=self._now_s)
        say(_LOG, "built", days=len(days), events=counts["events"])
        rows = sum(each.height for each in stats)
        return Built(days=len(days), **counts, daily_stats=rows)

    def _derive(
        self, day: date, sites: frozenset[str]
    ) -> tuple[int, pl.DataFrame, pl.DataFrame]:
        """Return the number of events, and the day's rows for both tables."""
        events = _rows(self._events, day, sites)
        found, figures = derive(events, self._rules)
        if sites:
            found = pl.concat([_others(self._sessions, day, sites), found])
            figures = pl.concat([_others(self._stats, day, sites), figures])
        return events.height, found, figures


def derive(events: pl.DataFrame, rules: Rules) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the sessions and daily_stats of one day's *events*."""
    sites = events["site"].unique()
    # Events outlive the configuration of their site.
    currencies = {site: rules.currencies.get(site, _NO_CURRENCY) for site in sites}
    zones = {site: rules.zones.get(site, "UTC") for site in sites}
    day = sessionize(events)
    found = sessions(day, currencies, zones)
    return found, daily_stats(day, found, currencies, zones, rules.value_limit)


def rebuild_differences(
    warehouse: Warehouse,
    rules: Rules,
    *,
    since: date | None = None,
    until: date | None = None,
) -> list[Difference]:
    """Return where the stored figures differ from those the events give now."""
    events = warehouse.view(EVENTS)
    stored = (warehouse.view(SESSIONS), warehouse.view(DAILY_STATS))
    found: list[Difference] = []
    for day in events.days():
        if _within(day, since, until):
            right = derive(events.read([day]), rules)
            for table, rows in zip(stored, right, strict=True):
                found += _differences(table, day, rows)
    return found


def _differences(table: TableView, day: date, right: pl.DataFrame) -> list[Difference]:
    stored = table.read([day])
    order = [*table.table.key]
    sites = {*stored["site"].unique(), *right["site"].unique()}
    return [
        Difference(table.table.name, site, day)
        for site in sorted(sites)
        if not _of(stored, site, order).equals(_of(right, site, order))
    ]


def _of(rows: pl.DataFrame, site: str, order: Collection[str]) -> pl.DataFrame:
    return rows.filter(pl.col("site") == site).sort(order)


def _rows(table: TableView, day: date, sites: frozenset[str]) -> pl.DataFrame:
    if not sites:
        return table.read([day])
    return table.scan([day]).filter(pl.col("site").is_in(sites)).collect()


def _others(table: StoredTable, day: date, sites: frozenset[str]) -> pl.DataFrame:
    """Return the stored rows of *day* that are not being rebuilt."""
    return table.scan([day]).filter(~pl.col("site").is_in(sites)).collect()


def _within(day: date, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since) and (until is None or day <= until)
