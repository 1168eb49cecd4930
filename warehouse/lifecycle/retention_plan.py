"""The plan of a retention, written durably before the removal.

A process may be killed after its commit. The next process then reads the plan, removes
the bytes, and records the removal exactly once.
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

# The commit of a removal records its number in this transaction. A plan with a greater
# number was not committed.
APP = "retention"
KIND = "retention"


class RetainedTable(msgspec.Struct, frozen=True):
    """The days removed from one table, oldest first, and the number of their rows."""

    table: str
    days: tuple[date, ...]
    rows: int


class Plan(msgspec.Struct, frozen=True):
    """A planned removal; *ledger_count* is the number of ledger entries before it."""

    number: int
    ledger_count: int
    retained: RetainedTable


def plan_path(warehouse: Warehouse, table: str) -> Path:
    """Return the path of the plan for *table*, outside the table and its vacuum."""
    return warehouse.root / f"retention-{table}.json"


def write_plan(warehouse: Warehouse, plan: Plan) -> None:
    """Write *plan* durably."""
    write_checked(plan_path(warehouse, plan.retained.table), plan)


def read_plan(warehouse: Warehouse, table: str) -> Plan | None:
    """Return the unfinished plan, if any; raise ``DamagedFileError`` if damaged."""
    try:
        return read_checked(plan_path(warehouse, table), Plan)
    except FileNotFoundError:
        return None


def remove_plan(warehouse: Warehouse, table: str) -> None:
    """Remove the plan: its removal is finished or was never committed."""
    remove_durable(plan_path(warehouse, table))


def record(warehouse: Warehouse, plan: Plan, now_s: float) -> None:
    """Record *plan* in the ledger unless it is recorded already."""
    entry = _entry(plan.retained)
    if not _is_recorded(warehouse, plan, entry):
        ledger.append(warehouse, [entry], now_s)


def record_unknown(warehouse: Warehouse, table: str, now_s: float) -> None:
    """Record in the ledger that days were removed but their plan was damaged."""
    entry = ledger.NewEntry(KIND, table, {"plan": "damaged"})
    ledger.append(warehouse, [entry], now_s)


def _is_recorded(warehouse: Warehouse, plan: Plan, entry: ledger.NewEntry) -> bool:
    view = warehouse.view(LEDGER)
    if (view.transaction_version(ledger.APP) or 0) <= plan.ledger_count:
        return False
    rows = view.read(columns=["number", "kind", "subject", "detail"])
    matches = rows.filter(
        pl.col("number") >= plan.ledger_count,
        pl.col("kind") == entry.kind,
        pl.col("subject") == entry.subject,
        pl.col("detail") == ledger.canonical(entry.detail),
    )
    return matches.height > 0


def _entry(retained: RetainedTable) -> ledger.NewEntry:
    return ledger.NewEntry(
        KIND,
        retained.table,
        {
            "from": retained.days[0].isoformat(),
            "until": retained.days[-1].isoformat(),
            "days": len(retained.days),
            "rows": retained.rows,
        },
    )
