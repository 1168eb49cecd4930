"""What a retention is about to remove, noted durably before it does.

A process may be killed after its commit: the next one finds the plan, removes the bytes
and records what left the table, exactly once.
"""

from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from warehouse.checked_file import read_checked, write_checked
from warehouse.durable import remove_durable
from warehouse.lifecycle import ledger
from warehouse.schema import LEDGER
from warehouse.tables import Warehouse

# Of a removal the commit holds the number, so that it is known whether it happened.
APP = "retention"
KIND = "retention"


class RetainedTable(msgspec.Struct, frozen=True):
    """What left one table: the days, oldest first, and their rows."""

    table: str
    days: tuple[date, ...]
    rows: int


class Plan(msgspec.Struct, frozen=True):
    """A removal: its number in the table, and how many ledger entries came before."""

    number: int
    ledger_count: int
    retained: RetainedTable


def plan_path(warehouse: Warehouse, table: str) -> Path:
    """Return where the plan for *table* lies; outside it, where no vacuum comes."""
    return warehouse.root / f"retention-{table}.json"


def write_plan(warehouse: Warehouse, plan: Plan) -> None:
    """Note *plan* durably."""
    write_checked(plan_path(warehouse, plan.retained.table), plan)


def read_plan(warehouse: Warehouse, table: str) -> Plan | None:
    """Return the plan that was not finished; raise ``DamagedFileError``."""
    try:
        return read_checked(plan_path(warehouse, table), Plan)
    except FileNotFoundError:
        return None


def drop_plan(warehouse: Warehouse, table: str) -> None:
    """Forget the plan: it is finished, or nothing of it was done."""
    remove_durable(plan_path(warehouse, table))


def record(warehouse: Warehouse, plan: Plan, now_s: float) -> None:
    """Put *plan* on the ledger unless it is there."""
    entry = _entry(plan.retained)
    if not _is_recorded(warehouse, plan, entry):
        ledger.append(warehouse, [entry], now_s)


def record_unknown(warehouse: Warehouse, table: str, now_s: float) -> None:
    """Put on the ledger that days were removed and the plan of it was damaged."""
    entry = ledger.NewEntry(KIND, table, {"plan": "damaged"})
    ledger.append(warehouse, [entry], now_s)


def _is_recorded(warehouse: Warehouse, plan: Plan, entry: ledger.NewEntry) -> bool:
    view = warehouse.view(LEDGER)
    if (view.transaction_version(ledger.APP) or 0) <= plan.ledger_count:
        return False
    rows = view.read(columns=["number", "kind", "subject", "detail"])
    same = rows.filter(
        pl.col("number") >= plan.ledger_count,
        pl.col("kind") == entry.kind,
        pl.col("subject") == entry.subject,
        pl.col("detail") == ledger.canonical(entry.detail),
    )
    return same.height > 0


def _entry(each: RetainedTable) -> ledger.NewEntry:
    return ledger.NewEntry(
        KIND,
        each.table,
        {
            "from": each.days[0].isoformat(),
            "until": each.days[-1].isoformat(),
            "days": len(each.days),
            "rows": each.rows,
        },
    )
