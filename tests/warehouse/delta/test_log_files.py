"""A commit torn by a power loss is set aside; durable commits are never changed."""

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


def mark_unsynced(table: StoredTable, version: int) -> None:
    """Record that commits after *version* are not durable."""
    (table.path / "_settled").write_text(str(version))


def entry_of(table: StoredTable, version: int) -> Path:
    """Return the log entry of *version*."""
    return entry_path(table.path, version)


def newest_data_file(table: StoredTable) -> Path:
    """Return the data file of the newest commit."""
    return max(
        table.path.glob("day=*/*.parquet"), key=lambda path: path.stat().st_mtime_ns
    )


def shorten(path: Path) -> None:
    """Cut the last byte of a file."""
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "tear",
    [
        pytest.param(
            lambda table: entry_of(table, 2).write_bytes(b""), id="empty entry"
        ),
        pytest.param(lambda table: shorten(entry_of(table, 2)), id="torn entry"),
        pytest.param(lambda table: newest_data_file(table).unlink(), id="data missing"),
        pytest.param(
            lambda table: shorten(newest_data_file(table)), id="data too short"
        ),
    ],
)
def test_a_torn_commit_is_set_aside_and_can_be_repeated(
    warehouse: Warehouse, tear: Callable[[StoredTable], None]
) -> None:
    table = warehouse.open(EVENTS)
    mark_unsynced(table, 1)
    tear(table)
    repaired = warehouse.open(EVENTS)

    assert repaired.version == 1
    assert events(repaired.read()) == [event(path="/1")]
    assert repaired.transaction_version("spool/lane") == 1
    assert [path.name for path in (table.path / "_set_aside").iterdir()] == [
        entry_of(table, 2).name
    ]
    repaired.append(frame([event(path="/2")]), transactions={"spool/lane": 2})
    assert warehouse.open(EVENTS).rows() == 2


def test_commits_after_a_torn_commit_are_set_aside_too(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/3")]))
    mark_unsynced(table, 1)
    entry_of(table, 2).write_bytes(b"")
    repaired = warehouse.open(EVENTS)

    assert repaired.version == 1
    assert events(repaired.read()) == [event(path="/1")]


def test_a_lost_entry_sets_the_next_commit_aside_too(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/3")]))
    mark_unsynced(table, 1)
    entry_of(table, 2).unlink()

    assert warehouse.open(EVENTS).version == 1


def test_a_torn_creation_is_created_again(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.open(EVENTS)
    (table.path / "_settled").unlink()
    (warehouse.root / "tables.json").unlink()
    entry_of(table, 0).write_bytes(b"")
    reopened = Warehouse(warehouse.root).open(EVENTS)

    assert reopened.version == 0
    reopened.append(frame([event()]))
    assert warehouse.open(EVENTS).rows() == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(shorten, id="torn"),
        pytest.param(Path.unlink, id="missing"),
    ],
)
def test_damage_to_a_durable_commit_is_an_error_and_is_not_repaired(
    warehouse: Warehouse, damage: Callable[[Path], None]
) -> None:
    path = entry_of(warehouse.open(EVENTS), 1)
    damage(path)

    with pytest.raises(DamagedTableError) as caught:
        warehouse.open(EVENTS)
    assert caught.value.path == path
    assert not (warehouse.root / "events" / "_set_aside").exists()


@pytest.mark.parametrize("damage", [Path.unlink, shorten], ids=["missing", "too short"])
def test_a_damaged_data_file_is_listed_and_cannot_be_read(
    warehouse: Warehouse, damage: Callable[[Path], None]
) -> None:
    table = warehouse.open(EVENTS)
    damage(newest_data_file(table))
    reopened = warehouse.open(EVENTS)

    assert len(reopened.damaged_files()) == 1
    with pytest.raises(DamagedTableError):
        reopened.read()


def test_files_that_a_later_commit_removed_are_not_reported_missing(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    table.compact(table.days(), now_s=0)
    now_s = entry_of(table, 3).stat().st_mtime
    table.vacuum(now_s=now_s, removed_age_s=0)
    (table.path / "_settled").unlink()
    reopened = warehouse.open(EVENTS)

    assert reopened.version == 3
    assert reopened.rows() == 2


@pytest.mark.parametrize(
    "tear",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(shorten, id="torn"),
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
def test_a_log_without_its_newest_entry_is_an_error(
    warehouse: Warehouse, kind: Callable[[Warehouse, Table], object]
) -> None:
    newest = entry_of(warehouse.open(EVENTS), 2)
    newest.unlink()

    with pytest.raises(DamagedTableError) as caught:
        kind(warehouse, EVENTS)
    assert caught.value.path == newest


@pytest.mark.parametrize("kind", [Warehouse.open, Warehouse.view])
def test_a_table_without_its_log_is_not_taken_for_a_new_one(
    warehouse: Warehouse, kind: Callable[[Warehouse, Table], object]
) -> None:
    table = warehouse.open(EVENTS)
    shutil.rmtree(table.path / "_delta_log")

    with pytest.raises(DamagedTableError):
        kind(Warehouse(warehouse.root), EVENTS)
    shutil.rmtree(table.path)
    with pytest.raises(DamagedTableError, match="is missing or empty"):
        kind(Warehouse(warehouse.root), EVENTS)


def test_a_missing_checkpoint_that_the_log_needs_is_named(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table._delta.checkpoint()  # noqa: SLF001
    for version in range(3):
        entry_of(table, version).unlink()
    [checkpoint] = table.path.glob("_delta_log/*.checkpoint.parquet")
    checkpoint.unlink()

    with pytest.raises(DamagedTableError) as caught:
        warehouse.open(EVENTS)
    assert caught.value.path == checkpoint


def test_a_log_with_a_damaged_pointer_can_be_cleaned(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table.clean_log()
    (table.path / "_delta_log" / "_last_checkpoint").write_bytes(b"{")
    reopened = warehouse.open(EVENTS)
    reopened.clean_log()

    assert warehouse.open(EVENTS).rows() == 2


def test_a_sync_records_the_newest_version(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    (table.path / "_settled").write_text("torn")

    assert log_files.synced_version(table.path) == -1
    table.sync_log()
    assert log_files.synced_version(table.path) == 2


def test_touched_pairs_are_unknown_after_another_program_changed_rows(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    text = entry_of(table, 2).read_text()
    entry_of(table, 2).write_text(text.replace('"touched"', '"other"'))
    mark_unsynced(table, 1)

    assert table.touched(1) is None


def test_a_maintenance_commit_of_another_program_touches_no_pair(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    text = entry_of(table, 2).read_text().replace('"touched"', '"other"')
    entry_of(table, 2).write_text(
        text.replace('"dataChange":true', '"dataChange":false')
    )
    mark_unsynced(table, 1)

    assert table.touched(1) == set()
