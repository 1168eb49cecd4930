"""A load refuses an empty directory in place of the warehouse of its spool."""

import shutil
from pathlib import Path

import pytest

from batcher.load.load import load
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS, spool_events, stored_events
from tests.warehouse.event_rows import event
from warehouse.checked_file import DamagedFileError
from warehouse.register import Register, WarehouseAwayError, check_bound
from warehouse.schema import EVENTS, SESSIONS
from warehouse.tables import Warehouse

NOW_S = 0.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return a spool that was loaded once and has one more segment."""
    spool = Spool(tmp_path / "spool")
    spool_events(spool, [event(path="/a")])
    load(spool, Warehouse(tmp_path / "warehouse"), SETTINGS, NOW_S)
    spool_events(spool, [event(path="/b")])
    return spool


def test_the_register_lists_created_tables(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    assert Register(tmp_path).id is None
    warehouse.open(EVENTS)
    first = Register(tmp_path).id
    warehouse.open(SESSIONS)

    register = Register(tmp_path)
    assert register.has("events")
    assert register.has("sessions")
    assert not register.has("drops")
    assert register.id == first


def test_nothing_is_loaded_if_the_warehouse_disk_is_not_mounted(
    tmp_path: Path, spool: Spool
) -> None:
    root, away = tmp_path / "warehouse", tmp_path / "away"
    root.rename(away)
    root.mkdir()
    before = [segment.path for segment in spool.sealed()]

    with pytest.raises(WarehouseAwayError, match="there are no tables"):
        load(spool, Warehouse(root), SETTINGS, NOW_S)
    assert list(root.iterdir()) == []
    assert [segment.path for segment in spool.sealed()] == before
    root.rmdir()
    away.rename(root)
    load(spool, Warehouse(root), SETTINGS, NOW_S)
    assert [row.path for row in stored_events(Warehouse(root))] == ["/a", "/b"]


def test_another_warehouse_is_loaded_only_after_the_id_is_removed(
    tmp_path: Path, spool: Spool
) -> None:
    other = Warehouse(tmp_path / "other")
    other.open(EVENTS)

    with pytest.raises(WarehouseAwayError, match="there are other tables"):
        load(spool, other, SETTINGS, NOW_S)
    (spool.directory / "warehouse-id").unlink()
    load(spool, other, SETTINGS, NOW_S)
    assert [row.path for row in stored_events(other)] == ["/b"]


def test_a_missing_table_is_not_created_again(tmp_path: Path, spool: Spool) -> None:
    root = tmp_path / "warehouse"
    shutil.rmtree(root / "events")

    with pytest.raises(Exception, match="events is missing or empty") as caught:
        load(spool, Warehouse(root), SETTINGS, NOW_S)
    assert caught.value.exit_code == 3  # type: ignore[attr-defined]
    assert len(spool.sealed()) == 1


def test_a_derived_table_may_be_moved_away(tmp_path: Path) -> None:
    Warehouse(tmp_path).open(SESSIONS)
    shutil.rmtree(tmp_path / "sessions")

    assert Warehouse(tmp_path).view(SESSIONS).version == -1
    assert Warehouse(tmp_path).open(SESSIONS).version == 0


def test_a_damaged_register_is_named(tmp_path: Path, spool: Spool) -> None:
    path = tmp_path / "warehouse" / "tables.json"
    path.write_bytes(path.read_bytes().replace(b"events", b"evennts"))

    with pytest.raises(DamagedFileError, match=r"tables\.json: the file is damaged"):
        check_bound(path.parent, spool.directory)
