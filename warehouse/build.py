"""The build: events to ``sessions`` and ``daily_stats``, only where something changed.

The events of one day at a time are in memory, and what the day before it gave while
that is written. Each table is replaced in one commit for all days, so
a reader sees a build whole or not at all. Running it twice, or dying on any line,
changes nothing: what was built, and by which rules, is recorded with the last commit.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from hashlib import blake2b

import msgspec
import polars as pl

from config.errors import Busy, MillpondError
from config.logs import log_event
from config.settings import Settings
from warehouse.durable import make_directory
from warehouse.figures.daily_stats import daily_stats
from warehouse.figures.sessionize import NARROW, sessionize
from warehouse.figures.sessions import sessions
from warehouse.locks import try_locked
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.tables import (
    ConflictError,
    StoredTable,
    TableView,
    TouchedDays,
    Warehouse,
)

_LOG = logging.getLogger(__name__)
_LOCK = "build.lock"
_MOST_ATTEMPTS = 5
_NO_CURRENCY = "XXX"
# The newest version of events that is in the derived tables, counted from 1.
_BUILT_APP = "build"
# The log entry of that version, as a number.
_ENTRY_APP = "build entry"
# The digest of the rules they were built by, as a transaction's number.
_RULES_APP = "build rules"
# Raised by whoever changes what a figure means, so that stored ones are built anew.
_DEFINITIONS = 4

SitesByDay = dict[date, frozenset[str]]


class BuildBusyError(Busy, MillpondError):
    """Another process is building."""


class Rules(msgspec.Struct, frozen=True):
    """What the figures depend on besides the events."""

    currencies: Mapping[str, str]
    zones: Mapping[str, str]
    value_limit: int

    def digest(self) -> int:
        """Return a number that other rules do not have; it fits a transaction."""
        text = msgspec.json.encode([_DEFINITIONS, self], order="sorted")
        return int.from_bytes(blake2b(text, digest_size=7).digest())


class BuildResult(msgspec.Struct, frozen=True):
    """What a build did."""

    days: int = 0
    events: int = 0
    sessions: int = 0
    daily_stats: int = 0

    def __add__(self, other: "BuildResult") -> "BuildResult":
        """Return both together."""
        return BuildResult(
            *map(
                sum,
                zip(
                    msgspec.structs.astuple(self),
                    msgspec.structs.astuple(other),
                    strict=True,
                ),
            )
        )


class DayDifference(msgspec.Struct, frozen=True):
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
) -> BuildResult:
    """Rebuild the (site, day) pairs that changed since the last build.

    *since* and *until* bound the days, both included; with *full* every (site, day)
    within them is rebuilt. Raises ``BuildBusyError`` while another build runs.
    """
    make_directory(warehouse.root)
    with try_locked(warehouse.root / _LOCK) as ours:
        if not ours:
            raise BuildBusyError("build: another build is running")
        for _ in range(_MOST_ATTEMPTS - 1):
            # Another writer changed the days of a table: derive them once more.
            with suppress(ConflictError):
                return _Build(warehouse, rules, now_s).run(since, until, full=full)
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

    def run(self, since: date | None, until: date | None, *, full: bool) -> BuildResult:
        number = self._events.version + 1
        rules = self._rules.digest()
        bounded = since is not None or until is not None
        last = self._last_built(rules)
        if number <= last and not full:
            return BuildResult()
        wanted = self._wanted(last, full=full or last == 0)
        days = {
            day: sites for day, sites in wanted.items() if is_within(day, since, until)
        }
        # A build of some days leaves the others to the next one.
        done = {} if bounded else self._done(number, rules)
        return self._replace(days, done) if days or done else BuildResult()

    def _last_built(self, rules: int) -> int:
        """Return the newest version that both tables were built from, 0 for none.

        0 also where the rules differ, or the events are not those of then: a backup
        was restored.
        """
        numbers = {
            table.transaction_version(_BUILT_APP) or 0
            for table in (self._sessions, self._stats)
        }
        last = min(numbers)
        entry = self._events.entry_number(last - 1)
        known = self._stats.transaction_version(_ENTRY_APP)
        is_other = None not in (entry, known) and entry != known
        is_back = last > self._events.version + 1
        is_old = self._stats.transaction_version(_RULES_APP) != rules
        return 0 if is_old or is_back or is_other else last

    def _done(self, number: int, rules: int) -> dict[str, int]:
        entry = self._events.entry_number(number - 1)
        named = {} if entry is None else {_ENTRY_APP: entry}
        return {_BUILT_APP: number, _RULES_APP: rules, **named}

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

    def _replace(self, days: SitesByDay, done: Mapping[str, int]) -> BuildResult:
        """Make *days* anew in both tables; *done* is on record once both are."""
        built = BuildResult()
        pairs: TouchedDays = set()
        with (
            self._stats.replacing(
                days, now_s=self._now_s, touched=pairs, transactions=done
            ) as write_stats,
            self._sessions.replacing(
                days, now_s=self._now_s, touched=pairs, transactions=done
            ) as write_sessions,
            # A day is written while the next one is read and counted.
            ThreadPoolExecutor(1) as writer,
        ):
            written: list[Future[None]] = []
            for day, sites in days.items():
                derived = derive(self._events, day, sites, self._rules)
                found = _with_others(self._sessions, derived.sessions, day, sites)
                stats = _with_others(self._stats, derived.stats, day, sites)
                _wait(written)
                written = [
                    writer.submit(write_sessions, found),
                    writer.submit(write_stats, stats),
                ]
                pairs |= {(site, day) for site in sites or derived.sites}
                built += derived.counts()
            _wait(written)
        log_event(_LOG, "built", days=built.days, events=built.events)
        return built


def _wait(written: list[Future[None]]) -> None:
    """Return once all are written, or raise what one of them raised."""
    for each in written:
        each.result()


class DerivedDay(msgspec.Struct, frozen=True):
    """The rows of both tables that one day's events give."""

    events: int
    sites: frozenset[str]
    sessions: pl.DataFrame
    stats: pl.DataFrame

    def counts(self) -> BuildResult:
        """Return how much there is of everything."""
        return BuildResult(1, self.events, self.sessions.height, self.stats.height)


def derive(
    table: TableView, day: date, sites: frozenset[str], rules: Rules
) -> DerivedDay:
    """Return what the events of *day* give: of all sites, or only of *sites*."""
    # In one piece at once, so that nothing later copies it to make it so.
    events = table.collect(_rows(table, day, sites, NARROW)).rechunk()
    found = frozenset(events["site"].unique())
    # Events outlive the configuration of their site.
    currencies = {site: rules.currencies.get(site, _NO_CURRENCY) for site in found}
    zones = {site: rules.zones.get(site, "UTC") for site in found}
    whole = sessionize(
        events,
        wide=lambda columns: table.collect(_rows(table, day, sites, columns)),
    )
    rows = sessions(whole, currencies, zones)
    stats = daily_stats(whole, rows, currencies, zones, rules.value_limit)
    return DerivedDay(events.height, found, rows, stats)


def rebuild_differences(
    warehouse: Warehouse,
    rules: Rules,
    *,
    since: date | None = None,
    until: date | None = None,
) -> list[DayDifference]:
    """Return where the stored figures differ from those the events give now.

    ``row_account`` says whether the events themselves are those that were loaded.
    """
    events = warehouse.view(EVENTS)
    stored = (warehouse.view(SESSIONS), warehouse.view(DAILY_STATS))
    found: list[DayDifference] = []
    for day in events.days():
        if is_within(day, since, until):
            right = derive(events, day, frozenset(), rules)
            for table, rows in zip(stored, (right.sessions, right.stats), strict=True):
                found += _differences(table, day, rows)
    return found


def _differences(
    table: TableView, day: date, right: pl.DataFrame
) -> list[DayDifference]:
    stored = table.read([day])
    order = [*table.table.key]
    sites = {*stored["site"].unique(), *right["site"].unique()}
    return [
        DayDifference(table.table.name, site, day)
        for site in sorted(sites)
        if not _of(stored, site, order).equals(_of(right, site, order))
    ]


def _of(rows: pl.DataFrame, site: str, order: Collection[str]) -> pl.DataFrame:
    return rows.filter(pl.col("site") == site).sort(order)


def _rows(
    table: TableView, day: date, sites: frozenset[str], columns: Sequence[str]
) -> pl.LazyFrame:
    """Return *columns* of the events of *day*, the same rows for any columns."""
    if not sites:
        return table.scan([day], columns)
    rows = table.scan([day], [*columns, *({"site"} - {*columns})])
    return rows.filter(pl.col("site").is_in(sites)).select(columns)


def _with_others(
    table: StoredTable, rows: pl.DataFrame, day: date, sites: frozenset[str]
) -> pl.DataFrame:
    """Return *rows* with the stored ones of the sites that are not being rebuilt."""
    if not sites:
        return rows
    others = table.collect(table.scan([day]).filter(~pl.col("site").is_in(sites)))
    return pl.concat([others, rows])


def is_within(day: date, since: date | None, until: date | None) -> bool:
    """Return whether *day* is in the range, whose bounds are included or open."""
    return (since is None or day >= since) and (until is None or day <= until)
