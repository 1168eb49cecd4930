"""An empty warehouse and an empty table, for the tests of tables."""

from pathlib import Path

import pytest

from warehouse.schema import EVENTS
from warehouse.tables import StoredTable, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def table(warehouse: Warehouse) -> StoredTable:
    """Return an empty events table."""
    return warehouse.open(EVENTS)
