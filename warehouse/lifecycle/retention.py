"""Retention: remove old days and their bytes from all tables, and record it."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise

from config.errors import MillpondError
from config.logs import log_event
from config.settings import WarehouseSettings
from warehouse.checked_file import DamagedFileError
from warehouse.clock.believed_clock import BelievedClock, Clocks
from warehouse.clock.clock_doubt import Believed, ClockError
from warehouse.clock.misdated_days import MisdatedDays, read_misdated
from warehouse.durable import make_directory
from warehouse.lifecycle import ledger
from warehouse.lifecycle.compaction import raise_problems
from warehouse.lifecycle.retention_plan import (
    APP,
    Plan,
    RetainedTable,
    read_plan,
    record,
    record_unknown,
    remove_plan,
    write_plan,
)
from warehouse.locks import locked
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.tables import ConflictError, TableView, Warehouse

_MIDDAY = time(12, tzinfo=UTC)
_MOST_ATTEMPTS = 20
# Days with real traffic have no longer gap; a clock that jumped leaves a longer one.
_LONGEST_GAP = timedelta(days=7)
_LOG = logging.getLogger(__name__)


def open_clock(
    warehouse: Warehouse, clocks: Clocks, *, trusted: bool = False
) -> BelievedClock:
    """Return the clock for actions in *warehouse* that cannot be undone.

    Open it before any load: data that was loaded under a wrong clock is no evidence.
    """
    return BelievedClock(
        warehouse.root,
        clocks,
        newest_data_s=lambda: _newest_data_s(warehouse),
        trusted=trusted,
    )


def _newest_data_s(warehouse: Warehouse) -> float | None:
    """Return the newest time in events and ledger, or else midday of the newest day.

    The newest day is that of the other tables. Raises ``ClockError`` if events have a
    long gap: the events on either side may have their time from a wrong clock.
    """
    days = warehouse.view(EVENTS).days()
    if any(later - day > _LONGEST_GAP for day, later in pairwise(days)):
        raise ClockError("find the newest time in events: they have a gap over a week")
    newest = [_newest_at_s(warehouse.view(table)) for table in (EVENTS, LEDGER)]
    times_s = [at_s for at_s in newest if at_s is not None]
    if not times_s:
        views = (warehouse.view(table) for table in (SESSIONS, DAILY_STATS, DROPS))
        days = [max(view.days()) for view in views if view.days()]
        times_s = [datetime.combine(day, _MIDDAY).timestamp() for day in days]
    return max(times_s, default=None)


def _newest_at_s(view: TableView) -> float | None:
    # A day starts at different times in different zones, so the newest time may be on
    # either of the last two days.
    newest = view.days()[-2:]
    if not newest:
        return None
    seconds = view.read(newest, ["at"])["at"].dt.epoch("s").max()
    return float(seconds) if isinstance(seconds, int) else None


def retain(
    warehouse: Warehouse, keep: WarehouseSettings, believed: Believed
) -> list[RetainedTable]:
    """Remove the days past the retention of each table, and record it in the ledger.

    Raises ``ClockError`` and removes nothing while the clock is in doubt. When this
    returns, the bytes are gone, also for readers of an older version, and a removal
    that an earlier run began is finished. A damaged table does not stop the others;
    ``PartlyDoneError`` names it at the end.
    """
    if believed.doubt:
        raise ClockError(f"retain: {believed.doubt}", hint=believed.doubt.hint)
    now_s = believed.at_s
    today = datetime.fromtimestamp(now_s, UTC).date()
    removed: list[RetainedTable] = []
    problems: list[MillpondError] = []
    make_directory(warehouse.root)
    with locked(warehouse.root / "_retention.lock"):
        misdated = read_misdated(warehouse.root)
        for table, keep_days in _keep_days_by_table(keep).items():
            try:
                removed += _finish(warehouse, table, now_s)
                first = today - timedelta(days=keep_days)
                is_held = partial(_is_held, misdated, keep_days, now_s)
                removed += _remove(warehouse, table, first, is_held, now_s)
            except MillpondError as problem:
                problems.append(problem)
    raise_problems("retain", problems)
    return removed


def _is_held(
    misdated: Sequence[MisdatedDays], keep_days: int, now_s: float, day: date
) -> bool:
    """Return whether *day* may contain events that arrived much later than *day*."""
    return any(days.holds(day, keep_days, now_s) for days in misdated)


def _finish(warehouse: Warehouse, table: Table, now_s: float) -> list[RetainedTable]:
    """Finish the removal of an earlier run that stopped after its commit."""
    try:
        plan = read_plan(warehouse, table.name)
    except DamagedFileError:
        log_event(
            _LOG, "retention_plan_damaged", level=logging.WARNING, table=table.name
        )
        erase(warehouse, table, now_s)
        record_unknown(warehouse, table.name, now_s)
        remove_plan(warehouse, table.name)
        return []
    if plan is None:
        return []
    if (warehouse.view(table).transaction_version(APP) or 0) < plan.number:
        remove_plan(warehouse, table.name)
        return []
    return [_complete(warehouse, table, plan, now_s)]


def _remove(
    warehouse: Warehouse,
    table: Table,
    first: date,
    is_held: Callable[[date], bool],
    now_s: float,
) -> list[RetainedTable]:
    for _ in range(_MOST_ATTEMPTS):
        view = warehouse.view(table)
        past = tuple(day for day in view.days() if day < first)
        days = tuple(day for day in past if not is_held(day))
        if len(days) < len(past):
            count = len(past) - len(days)
            log_event(_LOG, "misdated_days_kept", table=table.name, count=count)
        if not days:
            return []
        with suppress(ConflictError):
            plan = _commit(warehouse, table, days, now_s)
            return [_complete(warehouse, table, plan, now_s)]
    raise ConflictError(f"retain {table.name}: other writers keep committing first")


def _commit(
    warehouse: Warehouse, table: Table, days: tuple[date, ...], now_s: float
) -> Plan:
    """Write the plan, then remove *days* from the table."""
    stored = warehouse.open(table)
    number = (stored.transaction_version(APP) or 0) + 1
    retained = RetainedTable(table.name, days, stored.rows(days))
    plan = Plan(number, ledger.count_of(warehouse), retained)
    write_plan(warehouse, plan)
    stored.replace_days(days, [], now_s=now_s, transactions={APP: number})
    return plan


def _complete(
    warehouse: Warehouse, table: Table, plan: Plan, now_s: float
) -> RetainedTable:
    """Remove the bytes of the committed removal, and record it in the ledger."""
    erase(warehouse, table, now_s)
    record(warehouse, plan, now_s)
    remove_plan(warehouse, table.name)
    retained = plan.retained
    first, last = retained.days[0], retained.days[-1]
    log_event(
        _LOG,
        "days_removed",
        table=retained.table,
        days=len(retained.days),
        rows=retained.rows,
        since=first,
        until=last,
    )
    return retained


def erase(warehouse: Warehouse, table: Table, now_s: float) -> None:
    """Remove the bytes of *table* that its newest version does not need."""
    stored = warehouse.open(table)
    # The commit may not be durable yet; the bytes may be removed only after it is.
    stored.sync_log()
    stored.vacuum(now_s=now_s, removed_age_s=0)
    stored.clean_log()


def _keep_days_by_table(keep: WarehouseSettings) -> dict[Table, int]:
    """Return how many days each table keeps; tables that keep all are left out."""
    keep_days = {
        EVENTS: keep.keep_events_days,
        SESSIONS: keep.keep_sessions_days,
        DAILY_STATS: keep.keep_daily_stats_days,
        DROPS: keep.keep_drops_days,
    }
    return {table: days for table, days in keep_days.items() if days}
