"""What a power loss tore is set aside; what was promised before is never touched."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warehouse.event_rows import event, events, frame
from warehouse.delta import log_files
from warehouse.delta.log_digests import entry_path
from warehouse.schema import EVENTS, Table
from warehouse.tables import DamagedTableError, StoredTable, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse whose events table has two commits."""
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.open(EVENTS)
    for number in (1, 2):
        table.append(
            frame([event(path=f"/{number}")]), transactions={"spool/lane": number}
        )
    return warehouse


def unsynced(table: StoredTable, version: int) -> None:
    """Make it so that commits past *version* were never made durable."""
    (table.path / "_settled").write_text(str(version))


def entry(table: StoredTable, version: int) -> Path:
    """Return the log entry of *version*."""
    return entry_path(table.path, version)


def newest_data(table: StoredTable) -> Path:
    """Return the data file of the newest commit."""
    return max(
        table.path.glob("day=*/*.parquet"), key=lambda each: each.stat().st_mtime_ns
    )


def cut(path: Path) -> None:
    """Shorten a file by a byte."""
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "tear",
    [
        pytest.param(lambda table: entry(table, 2).write_bytes(b""), id="empty entry"),
        pytest.param(lambda table: cut(entry(table, 2)), id="torn entry"),
        pytest.param(lambda table: newest_data(table).unlink(), id="data missing"),
        pytest.param(lambda table: cut(newest_data(table)), id="data short"),
    ],
)
def test_a_torn_commit_is_set_aside_and_can_be_repeated(
    warehouse: Warehouse, tear: Callable[[StoredTable], None]
) -> None:
    table = warehouse.open(EVENTS)
    unsynced(table, 1)
    tear(table)
    repaired = warehouse.open(EVENTS)

    assert repaired.version == 1
    assert events(repaired.read()) == [event(path="/1")]
    assert repaired.transaction_version("spool/lane") == 1
    assert [path.name for path in (table.path / "_set_aside").iterdir()] == [
        entry(table, 2).name
    ]
    repaired.append(frame([event(path="/2")]), transactions={"spool/lane": 2})
    assert warehouse.open(EVENTS).rows() == 2


def test_what_follows_a_torn_commit_was_promised_to_nobody_either(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/3")]))
    unsynced(table, 1)
    entry(table, 2).write_bytes(b"")
    repaired = warehouse.open(EVENTS)

    assert repaired.version == 1
    assert events(repaired.read()) == [event(path="/1")]


def test_a_commit_whose_name_was_lost_takes_the_next_with_it(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/3")]))
    unsynced(table, 1)
    entry(table, 2).unlink()

    assert warehouse.open(EVENTS).version == 1


def test_a_torn_creation_is_created_again(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.open(EVENTS)
    (table.path / "_settled").unlink()
    (warehouse.root / "tables.json").unlink()
    entry(table, 0).write_bytes(b"")
    again = Warehouse(warehouse.root).open(EVENTS)

    assert again.version == 0
    again.append(frame([event()]))
    assert warehouse.open(EVENTS).rows() == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(cut, id="torn"),
        pytest.param(Path.unlink, id="missing"),
    ],
)
def test_damage_to_what_was_promised_stops_us_and_is_not_repaired(
    warehouse: Warehouse, damage: Callable[[Path], None]
) -> None:
    path = entry(warehouse.open(EVENTS), 1)
    damage(path)

    with pytest.raises(DamagedTableError) as caught:
        warehouse.open(EVENTS)
    assert caught.value.path == path
    assert not (warehouse.root / "events" / "_set_aside").exists()


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["missing", "short"])
def test_damaged_data_is_named_and_reading_it_fails(
    warehouse: Warehouse, damage: Callable[[Path], None]
) -> None:
    table = warehouse.open(EVENTS)
    damage(newest_data(table))
    again = warehouse.open(EVENTS)

    assert len(again.damaged_files()) == 1
    with pytest.raises(DamagedTableError):
        again.read()


def test_files_a_later_commit_removed_are_not_missed(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table.compact(table.days(), now_s=0)
    now_s = entry(table, 3).stat().st_mtime
    table.vacuum(now_s=now_s, removed_age_s=0)
    (table.path / "_settled").unlink()
    again = warehouse.open(EVENTS)

    assert again.version == 3
    assert again.rows() == 2


@pytest.mark.parametrize(
    "tear",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(cut, id="torn"),
        pytest.param(lambda path: path.write_bytes(bytes(9_999)), id="zeros"),
    ],
)
@pytest.mark.parametrize("which", ["checkpoint", "pointer"])
def test_a_torn_checkpoint_is_set_aside(
    warehouse: Warehouse, tear: Callable[[Path], None], which: str
) -> None:
    table = warehouse.open(EVENTS)
    table._delta.checkpoint()  # noqa: SLF001
    log = table.path / "_delta_log"
    checkpoint = log / f"{2:020}.checkpoint.parquet"
    tear(checkpoint if which == "checkpoint" else log / "_last_checkpoint")
    repaired = warehouse.open(EVENTS)

    assert sorted(repaired.read()["path"]) == ["/1", "/2"]
    repaired.append(frame([event(path="/3")]), transactions={"spool/lane": 3})
    assert warehouse.open(EVENTS).rows() == 3


@pytest.mark.parametrize("kind", [Warehouse.open, Warehouse.view])
def test_a_log_that_lost_its_newest_entry_is_not_taken_for_the_whole(
    warehouse: Warehouse, kind: Callable[[Warehouse, Table], object]
) -> None:
    newest = entry(warehouse.open(EVENTS), 2)
    newest.unlink()

    with pytest.raises(DamagedTableError) as caught:
        kind(warehouse, EVENTS)
    assert caught.value.path == newest


@pytest.mark.parametrize("kind", [Warehouse.open, Warehouse.view])
def test_a_table_that_lost_its_log_is_not_taken_for_a_new_one(
    warehouse: Warehouse, kind: Callable[[Warehouse, Table], object]
) -> None:
    table = warehouse.open(EVENTS)
    shutil.rmtree(table.path / "_delta_log")

    with pytest.raises(DamagedTableError):
        kind(Warehouse(warehouse.root), EVENTS)
    shutil.rmtree(table.path)
    with pytest.raises(DamagedTableError, match="is missing or empty"):
        kind(Warehouse(warehouse.root), EVENTS)


def test_a_checkpoint_the_log_cannot_do_without_is_missed(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table._delta.checkpoint()  # noqa: SLF001
    for version in range(3):
        entry(table, version).unlink()
    [checkpoint] = table.path.glob("_delta_log/*.checkpoint.parquet")
    checkpoint.unlink()

    with pytest.raises(DamagedTableError) as caught:
        warehouse.open(EVENTS)
    assert caught.value.path == checkpoint


def test_a_log_without_its_pointer_can_be_cleaned(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table.clean_log()
    (table.path / "_delta_log" / "_last_checkpoint").write_bytes(b"{")
    again = warehouse.open(EVENTS)
    again.clean_log()

    assert warehouse.open(EVENTS).rows() == 2


def test_settling_names_the_newest_version(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    (table.path / "_settled").write_text("torn")

    assert log_files.synced_version(table.path) == -1
    table.sync_log()
    assert log_files.synced_version(table.path) == 2


def test_rows_another_program_changed_make_the_touched_pairs_unknown(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    text = entry(table, 2).read_text()
    entry(table, 2).write_text(text.replace('"touched"', '"other"'))
    unsynced(table, 1)

    assert table.touched(1) is None


def test_an_upkeep_commit_of_another_program_touches_nothing(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    text = entry(table, 2).read_text().replace('"touched"', '"other"')
    entry(table, 2).write_text(text.replace('"dataChange":true', '"dataChange":false'))
    unsynced(table, 1)

    assert table.touched(1) == set()
