"""Retention: days past their keep leave every table, bytes included, on the record."""

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from config.errors import MillpondError
from config.settings import WarehouseSettings
from warehouse.clock.believed_clock import BelievedClock, Clocks
from warehouse.lifecycle import ledger
from warehouse.lifecycle.compaction import raise_problems
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.tables import TableView, Warehouse

_MIDDAY = time(12, tzinfo=UTC)


class Retained(msgspec.Struct, frozen=True):
    """What left one table: the days, oldest first, and their rows."""

    table: str
    days: tuple[date, ...]
    rows: int


def open_clock(
    warehouse: Warehouse, clocks: Clocks, *, trusted: bool = False
) -> BelievedClock:
    """Return the clock of all that cannot be undone in *warehouse*.

    To be opened before anything is loaded: what a wrong clock loads is no evidence.
    """
    return BelievedClock(
        warehouse.root,
        clocks,
        newest_data_s=lambda: _newest_data_s(warehouse),
        trusted=trusted,
    )


def _newest_data_s(warehouse: Warehouse) -> float | None:
    """Return the newest time in events and ledger; else about that of other tables."""
    each = [_newest_at_s(warehouse.view(table)) for table in (EVENTS, LEDGER)]
    found = [at_s for at_s in each if at_s is not None]
    if not found:
        views = (warehouse.view(table) for table in (SESSIONS, DAILY_STATS, DROPS))
        days = [max(view.days()) for view in views if view.days()]
        found = [datetime.combine(day, _MIDDAY).timestamp() for day in days]
    return max(found, default=None)


def _newest_at_s(view: TableView) -> float | None:
    # A day begins at another time in each zone: the newest time may be on the last two.
    newest = view.days()[-2:]
    if not newest:
        return None
    seconds = view.read(newest, ["at"])["at"].dt.epoch("s").max()
    return float(seconds) if isinstance(seconds, int) else None


def retain(
    warehouse: Warehouse, keep: WarehouseSettings, today: date, now_s: float
) -> list[Retained]:
    """Remove the days each table keeps no longer, and record it in the ledger.

    The bytes are gone when it returns, under readers of an older version too. A table
    that is damaged keeps no other from it; ``PartlyDoneError`` names it at the end.
    """
    found: list[Retained] = []
    problems: list[MillpondError] = []
    for table, keep_days in _keeps(keep).items():
        try:
            removed = _remove(warehouse, table, keep_days, today, now_s)
        except MillpondError as problem:
            problems.append(problem)
        else:
            found += [removed] if removed else []
    try:
        ledger.append(warehouse, [_entry(each) for each in found], now_s)
    except MillpondError as problem:
        problems.append(problem)
    raise_problems("retain", problems)
    return found


def _remove(
    warehouse: Warehouse, table: Table, keep_days: int, today: date, now_s: float
) -> Retained | None:
    if not keep_days:
        return None
    view = warehouse.view(table)
    first = today - timedelta(days=keep_days)
    days = tuple(day for day in view.days() if day < first)
    if not days:
        return None
    rows = view.rows(days)
    stored = warehouse.open(table)
    stored.delete_days(days, now_s=now_s)
    stored.vacuum(now_s=now_s, removed_age_s=0)
    stored.clean_log()
    return Retained(table.name, days, rows)


def _keeps(keep: WarehouseSettings) -> dict[Table, int]:
    return {
        EVENTS: keep.keep_events_days,
        SESSIONS: keep.keep_sessions_days,
        DAILY_STATS: keep.keep_daily_stats_days,
        DROPS: keep.keep_drops_days,
    }


def _entry(each: Retained) -> ledger.NewEntry:
    return ledger.NewEntry(
        "retention",
        each.table,
        {
            "from": each.days[0].isoformat(),
            "until": each.days[-1].isoformat(),
            "days": len(each.days),
            "rows": each.rows,
        },
    )
