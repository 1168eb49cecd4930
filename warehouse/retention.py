"""Retention: days past their keep leave every table, bytes included, on the record."""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from config.settings import WarehouseSettings
from warehouse import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS, Table
from warehouse.tables import Warehouse


class Retained(msgspec.Struct, frozen=True):
    """What left one table: the days, oldest first, and their rows."""

    table: str
    days: tuple[date, ...]
    rows: int


def retain(
    warehouse: Warehouse, keep: WarehouseSettings, today: date, now_s: float
) -> list[Retained]:
    """Remove the days each table keeps no longer, and record it in the ledger.

    The bytes are gone when it returns, under readers of an older version too.
    """
    found = list(_remove(warehouse, keep, today, now_s))
    ledger.append(warehouse, [_entry(each) for each in found], now_s)
    return found


def _remove(
    warehouse: Warehouse, keep: WarehouseSettings, today: date, now_s: float
) -> Iterator[Retained]:
    for table, keep_days in _keeps(keep).items():
        view = warehouse.view(table)
        first = today - timedelta(days=keep_days)
        days = tuple(day for day in view.days() if keep_days and day < first)
        if days:
            rows = view.rows(days)
            stored = warehouse.open(table)
            stored.delete_days(days, now_s=now_s)
            stored.vacuum(now_s=now_s, removed_age_s=0)
            stored.clean_log()
            yield Retained(table.name, days, rows)


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
