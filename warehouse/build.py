"""The build: derive ``sessions`` and ``daily_stats`` from events that changed.

Memory holds the events of one day, and the derived rows of the day before while they
are written. Each table is replaced in one commit for all days, so a reader sees either
the whole build or none of it. A repeated or interrupted build changes nothing: the last
commit records which events were built, and by which rules.
"""

import logging
from collections.abc import Mapping, Sequence
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
from warehouse.figures.event_columns import NARROW
from warehouse.figures.open_refunds import NO_RESTS
from warehouse.figures.order_rule import ORDER_REFUNDED
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.locks import try_locked
from warehouse.open_refunds import read_rests
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.tables import (
    ConflictError,
    StoredTable,
    TableView,
    TouchedDays,
    Warehouse,
)

_LOG = logging.getLogger(__name__)
# The lock that a build holds, in the directory of the warehouse.
LOCK = "build.lock"
_MOST_ATTEMPTS = 5
_NO_CURRENCY = "XXX"
# The number of this transaction is the newest version of events that is in the derived
# tables, counted from 1.
_BUILT_APP = "build"
# The number of this transaction stands for the log entry of that version.
_ENTRY_APP = "build entry"
# The number of this transaction is the digest of the rules of the last build.
_RULES_APP = "build rules"
# Raise this number when the meaning of a figure changes, so that all days are rebuilt.
_DEFINITIONS = 5

SitesByDay = dict[date, frozenset[str]]


class BuildBusyError(Busy, MillpondError):
    """Another process is building."""


class Rules(msgspec.Struct, frozen=True):
    """Everything besides the events that the figures depend on."""

    currencies: Mapping[str, str]
    zones: Mapping[str, str]
    value_limit: int

    def digest(self) -> int:
        """Return a number that differs between rules and fits a transaction."""
        text = msgspec.json.encode([_DEFINITIONS, self], order="sorted")
        return int.from_bytes(blake2b(text, digest_size=7).digest())


class BuildResult(msgspec.Struct, frozen=True):
    """How many days, events and derived rows a build processed."""

    days: int = 0
    events: int = 0
    sessions: int = 0
    daily_stats: int = 0

    def __add__(self, other: "BuildResult") -> "BuildResult":
        """Return the sum of both results."""
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


def rules_of(settings: Settings) -> Rules:
    """Return the rules in the configuration."""
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

    *since* and *until* bound the days, both included. With *full*, every (site, day)
    within them is rebuilt. Raises ``BuildBusyError`` while another build runs.
    """
    make_directory(warehouse.root)
    with try_locked(warehouse.root / LOCK) as is_locked:
        if not is_locked:
            raise BuildBusyError("build: another build is running")
        for _ in range(_MOST_ATTEMPTS - 1):
            # Another writer changed these days of a table: derive them again.
            with suppress(ConflictError):
                return _Build(warehouse, rules, now_s).run(since, until, full=full)
        return _Build(warehouse, rules, now_s).run(since, until, full=full)


class _Build:
    """One build, under the lock."""

    def __init__(self, warehouse: Warehouse, rules: Rules, now_s: float) -> None:
        # Opened, not viewed: events that are recorded as built must be durable.
        self._events = warehouse.open(EVENTS)
        self._sessions = warehouse.open(SESSIONS)
        self._stats = warehouse.open(DAILY_STATS)
        self._rules = rules
        self._now_s = now_s

    def run(self, since: date | None, until: date | None, *, full: bool) -> BuildResult:
        number = self._events.version + 1
        rules = self._rules.digest()
        is_bounded = since is not None or until is not None
        last = self._last_built(rules)
        if number <= last and not full:
            return BuildResult()
        changed = self._changed_days(last, full=full or last == 0)
        days = {
            day: sites for day, sites in changed.items() if is_within(day, since, until)
        }
        # A build with bounds leaves the other days to the next build.
        transactions = {} if is_bounded else self._transactions(number, rules)
        if not days and not transactions:
            return BuildResult()
        return self._replace(days, transactions)

    def _last_built(self, rules: int) -> int:
        """Return the newest version that both tables were built from, 0 for none.

        Also 0 if the rules differ, or if the history of events is another one because
        a backup was restored.
        """
        numbers = {
            table.transaction_version(_BUILT_APP) or 0
            for table in (self._sessions, self._stats)
        }
        last = min(numbers)
        entry = self._events.entry_number(last - 1)
        recorded_entry = self._stats.transaction_version(_ENTRY_APP)
        is_other_history = (
            None not in (entry, recorded_entry) and entry != recorded_entry
        )
        is_older_history = last > self._events.version + 1
        has_other_rules = self._stats.transaction_version(_RULES_APP) != rules
        return 0 if has_other_rules or is_older_history or is_other_history else last

    def _transactions(self, number: int, rules: int) -> dict[str, int]:
        """Return the transactions that record a build of events up to *number*."""
        entry = self._events.entry_number(number - 1)
        entry_transaction = {} if entry is None else {_ENTRY_APP: entry}
        return {_BUILT_APP: number, _RULES_APP: rules, **entry_transaction}

    def _changed_days(self, last: int, *, full: bool) -> SitesByDay:
        """Return the days to rebuild, with their sites; an empty set means all sites.

        Only days that have events: figures stay after retention removes the events.
        """
        stored = self._events.days()
        touched = None if full else self._events.touched(last - 1)
        if touched is None:
            return dict.fromkeys(stored, frozenset())
        days: SitesByDay = {}
        for site, day in touched:
            days[day] = days.get(day, frozenset()) | {site}
        return {day: days[day] for day in stored if day in days}

    def _replace(
        self, days: SitesByDay, transactions: Mapping[str, int]
    ) -> BuildResult:
        """Replace *days* in both tables; record *transactions* with each commit."""
        result = BuildResult()
        touched: TouchedDays = set()
        with (
            self._stats.replacing(
                days, now_s=self._now_s, touched=touched, transactions=transactions
            ) as write_stats,
            self._sessions.replacing(
                days, now_s=self._now_s, touched=touched, transactions=transactions
            ) as write_sessions,
            # A day is written while the next day is read and derived.
            ThreadPoolExecutor(1) as writer,
        ):
            writes: list[Future[None]] = []
            for day, sites in days.items():
                derived = derive(self._events, day, sites, self._rules)
                session_rows = _with_other_sites(
                    self._sessions, derived.sessions, day, sites
                )
                stat_rows = _with_other_sites(self._stats, derived.stats, day, sites)
                _wait(writes)
                writes = [
                    writer.submit(write_sessions, session_rows),
                    writer.submit(write_stats, stat_rows),
                ]
                touched |= {(site, day) for site in sites or derived.sites}
                result += derived.counts()
            _wait(writes)
        log_event(_LOG, "built", days=result.days, events=result.events)
        return result


def _wait(writes: list[Future[None]]) -> None:
    """Return once all *writes* are done, or raise the error of the first failed one."""
    for write in writes:
        write.result()


class DerivedDay(msgspec.Struct, frozen=True):
    """The rows of both tables derived from the events of one day."""

    events: int
    sites: frozenset[str]
    sessions: pl.DataFrame
    stats: pl.DataFrame

    def counts(self) -> BuildResult:
        """Return the numbers of this day as a result."""
        return BuildResult(1, self.events, self.sessions.height, self.stats.height)


def derive(
    table: TableView, day: date, sites: frozenset[str], rules: Rules
) -> DerivedDay:
    """Return the rows derived from the events of *day*, of *sites* or of all sites."""
    # One chunk from the start, so that no later step copies the frame to merge chunks.
    events = table.collect(_scan_events(table, day, sites, NARROW)).rechunk()
    event_sites = frozenset(events["site"].unique())
    # The configuration of a site may be removed while its events are still stored.
    currencies = {
        site: rules.currencies.get(site, _NO_CURRENCY) for site in event_sites
    }
    zones = {site: rules.zones.get(site, "UTC") for site in event_sites}
    has_refunds = (events["name"] == ORDER_REFUNDED).any()
    sessionized = sessionize(
        events,
        wide=lambda columns: table.collect(_scan_events(table, day, sites, columns)),
        rests=read_rests(table, day, sites) if has_refunds else NO_RESTS,
    )
    session_rows = sessions(sessionized, currencies, zones)
    stat_rows = daily_stats(
        sessionized, session_rows, currencies, zones, rules.value_limit
    )
    return DerivedDay(events.height, event_sites, session_rows, stat_rows)


def _scan_events(
    table: TableView, day: date, sites: frozenset[str], columns: Sequence[str]
) -> pl.LazyFrame:
    """Return *columns* of the events of *day*: the same rows for any columns."""
    if not sites:
        return table.scan([day], columns)
    rows = table.scan([day], [*columns, *({"site"} - {*columns})])
    return rows.filter(pl.col("site").is_in(sites)).select(columns)


def _with_other_sites(
    table: StoredTable, rows: pl.DataFrame, day: date, sites: frozenset[str]
) -> pl.DataFrame:
    """Return *rows* and the stored rows of the sites that are not rebuilt."""
    if not sites:
        return rows
    others = table.collect(table.scan([day]).filter(~pl.col("site").is_in(sites)))
    return pl.concat([others, rows])


def is_within(day: date, since: date | None, until: date | None) -> bool:
    """Return whether *day* is in the range; both bounds are included or None."""
    return (since is None or day >= since) and (until is None or day <= until)
