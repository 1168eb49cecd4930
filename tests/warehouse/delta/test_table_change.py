"""Every commit updates the recorded number of rows."""

from pathlib import Path

from tests.warehouse.event_rows import DAY, event, frame
from warehouse.lifecycle.row_account import count_findings
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse


def test_the_recorded_row_count_follows_every_commit(tmp_path: Path) -> None:
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    for _ in range(3):
        table.append(frame([event()]))
    table.compact([DAY], now_s=0)
    assert table.recorded_rows == 3
    table.replace_days([DAY], [frame([event(), event()])], now_s=0)
    assert table.recorded_rows == 2
    table.delete_days([DAY], now_s=0)
    assert table.recorded_rows == 0
    assert count_findings(table) == []
