"""Retention itself refuses a time that is not believed."""

from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import WarehouseSettings
from tests.warehouse.believed import believed_on
from tests.warehouse.event_rows import DAY, event, frame
from warehouse.clock.clock_doubt import Believed, ClockDoubt, ClockError
from warehouse.lifecycle.retention import retain
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

OLD = DAY - timedelta(days=30)
KEEP = WarehouseSettings(keep_events_days=10)
FAR_S = 4e9


def test_nothing_is_removed_while_the_clock_is_in_doubt(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    warehouse.open(EVENTS).append(frame([event(day=OLD), event()]))
    doubt = ClockDoubt(wall_s=FAR_S, expected_s=believed_on(DAY).at_s)

    with pytest.raises(ClockError, match="retain: the clock is not believed"):
        retain(warehouse, KEEP, Believed(at_s=FAR_S, doubt=doubt))

    assert warehouse.view(EVENTS).days() == [OLD, DAY]
    retain(warehouse, KEEP, believed_on(DAY))
    assert warehouse.view(EVENTS).days() == [DAY]
