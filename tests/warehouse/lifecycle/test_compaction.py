"""A damaged table is named at the end, and does not stop the upkeep of the others."""

from datetime import date
from pathlib import Path

import pytest

from config.errors import MillpondError, Retryable
from config.settings import WarehouseSettings
from tests.warehouse.believed import believed_on
from tests.warehouse.day_frames import event, frame
from warehouse.build import Rules, build
from warehouse.lifecycle import ledger
from warehouse.lifecycle.compaction import PartlyDoneError, compact_all, raise_problems
from warehouse.lifecycle.retention import retain
from warehouse.schema import DROPS, EVENTS, LEDGER, Table
from warehouse.tables import TableError, Warehouse

NOW = 1_795_406_400.0
OLD = date(2020, 1, 1)
DROP = {
    "site": "shop",
    "day": OLD,
    "hour": 9,
    "protocol": "native",
    "reason": "bot",
    "count": 1,
    "bot_kind": None,
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return two tables, each with two files of one old day."""
    warehouse = Warehouse(tmp_path)
    for _ in range(2):
        warehouse.open(EVENTS).append(frame([event(day=OLD)]))
        warehouse.open(DROPS).append(frame([DROP], DROPS))
    return warehouse


def damage(warehouse: Warehouse, table: Table) -> None:
    """Empty an entry in the middle of the table's log."""
    log = warehouse.root / table.name / "_delta_log"
    (log / f"{1:020}.json").write_bytes(b"")


def data_files(warehouse: Warehouse) -> set[Path]:
    return set(warehouse.root.glob("*/day=*/*.parquet"))


def test_compaction_goes_on_with_the_other_tables(warehouse: Warehouse) -> None:
    damage(warehouse, EVENTS)

    with pytest.raises(PartlyDoneError, match=r"^compact, done for .*: .*events"):
        compact_all(warehouse, NOW)

    assert warehouse.view(DROPS).files_per_day() == {OLD: 1}


def test_retention_goes_on_with_the_other_tables(warehouse: Warehouse) -> None:
    damage(warehouse, EVENTS)
    keep = WarehouseSettings(keep_events_days=7, keep_drops_days=7)

    with pytest.raises(PartlyDoneError, match=r"^retain, done for .*: .*events"):
        retain(warehouse, keep, believed_on(date(2026, 11, 22)))

    assert warehouse.view(DROPS).days() == []
    (entry,) = ledger.read_entries(warehouse.view(LEDGER).read())
    assert entry.subject == "drops"


def test_only_a_retryable_problem_makes_the_error_retryable() -> None:
    class BusyDiskError(Retryable, MillpondError):
        pass

    damaged = TableError("open events: damaged", hint="restore it")
    with pytest.raises(PartlyDoneError) as permanent:
        raise_problems("compact", [damaged])
    with pytest.raises(PartlyDoneError) as mixed:
        raise_problems("compact", [damaged, BusyDiskError("open drops: busy")])

    assert not isinstance(permanent.value, Retryable)
    assert isinstance(mixed.value, Retryable)
    assert str(mixed.value) == (
        "compact, done for the other tables: open events: damaged; open drops: busy\n"
        "  hint: restore it"
    )


def test_no_file_is_removed_without_a_believed_clock(
    warehouse: Warehouse,
) -> None:
    before = data_files(warehouse)
    later_s = NOW + 100 * 86_400
    compact_all(warehouse, NOW, removes_files=False)
    compact_all(warehouse, later_s, removes_files=False)
    after = data_files(warehouse)
    compact_all(warehouse, later_s)

    assert before < after
    assert len(data_files(warehouse)) == 2


def test_a_build_of_an_empty_warehouse_is_no_error(tmp_path: Path) -> None:
    rules = Rules(currencies={}, zones={}, value_limit=100)

    assert build(Warehouse(tmp_path / "not" / "yet"), rules, NOW).days == 0
