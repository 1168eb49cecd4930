"""The next retention finishes and records one that was killed after its commit."""

from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import WarehouseSettings
from tests.warehouse.believed import believed_on
from tests.warehouse.event_rows import DAY, event, frame
from tests.warehouse.killed import killed_at
from warehouse.lifecycle import ledger, retention
from warehouse.schema import EVENTS, LEDGER
from warehouse.stored_table import StoredTable
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
OLD = DAY - timedelta(days=30)
KEEP = WarehouseSettings(keep_events_days=10)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse with one expired day and one day to keep."""
    warehouse = Warehouse(tmp_path / "warehouse")
    warehouse.open(EVENTS).append(frame([event(day=OLD), event()]))
    return warehouse


def recorded_tables(warehouse: Warehouse) -> list[str]:
    """Return the tables named in the retention entries of the ledger."""
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    return [entry.subject for entry in entries if entry.kind == "retention"]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (StoredTable, "replace_days"),
        (StoredTable, "vacuum"),
        (StoredTable, "clean_log"),
        (ledger, "append"),
        (retention, "remove_plan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_killed_retention_is_finished_once(
    warehouse: Warehouse,
    where: object,
    name: str,
) -> None:
    def run() -> None:
        retention.retain(warehouse, KEEP, believed_on(DAY))

    with killed_at(where, name):
        run()
    run()
    run()

    assert warehouse.view(EVENTS).days() == [DAY]
    assert recorded_tables(warehouse) == ["events"]
    assert list((warehouse.root / "events").glob(f"day={OLD}/*")) == []
    assert list(warehouse.root.glob("retention-*")) == []
