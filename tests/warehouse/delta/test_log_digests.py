"""Readers and writers find and name a changed bit in the log of a table."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warehouse.event_rows import event, frame
from warehouse.delta import log_digests
from warehouse.delta.log_digests import (
    VersionDigest,
    encode_note,
    entry_path,
    read_note,
)
from warehouse.schema import EVENTS
from warehouse.tables import DamagedTableError, StoredTable, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse whose events table has four commits."""
    warehouse = Warehouse(tmp_path / "warehouse")
    table = warehouse.open(EVENTS)
    for number in range(4):
        table.append(frame([event(path=f"/{number}")]), transactions={"lane": number})
    return warehouse


def events_table(warehouse: Warehouse) -> Path:
    """Return the directory of the events table."""
    return warehouse.root / EVENTS.name


def flip(path: Path, bit: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def open_to_write(warehouse: Warehouse) -> object:
    """Open the events table for writing."""
    return warehouse.open(EVENTS)


def open_to_read(warehouse: Warehouse) -> object:
    """Open the events table for reading."""
    return warehouse.view(EVENTS)


BOTH = pytest.mark.parametrize("open_table", [open_to_write, open_to_read])


@BOTH
@pytest.mark.parametrize("version", [1, 3, 4], ids=["old", "before last", "newest"])
def test_a_changed_number_in_an_entry_is_found_and_named(
    warehouse: Warehouse, open_table: Callable[[Warehouse], object], version: int
) -> None:
    path = entry_path(events_table(warehouse), version)
    text = path.read_text()
    number = f'"version":{version - 1}'
    assert number in text
    path.write_text(text.replace(number, '"version":9'))

    with pytest.raises(DamagedTableError) as caught:
        open_table(warehouse)
    assert caught.value.path == path
    assert str(path) in caught.value.message


@pytest.mark.parametrize("version", [1, 4], ids=["old", "newest"])
def test_every_changed_bit_of_an_entry_is_found(
    warehouse: Warehouse, version: int
) -> None:
    table = events_table(warehouse)
    path = entry_path(table, version)
    chance = random.Random(version)  # noqa: S311 - the choice of bits is no secret
    for bit in chance.sample(range(path.stat().st_size * 8), 200):
        flip(path, bit)
        assert list(log_digests.damaged_versions(table, 0, 4)) == [version]
        flip(path, bit)
    assert list(log_digests.damaged_versions(table, 0, 4)) == []


def test_a_refreshed_view_finds_damage_in_new_entries(
    warehouse: Warehouse,
) -> None:
    view = warehouse.view(EVENTS)
    warehouse.open(EVENTS).append(frame([event()]))
    flip(entry_path(view.path, 5), 900)

    with pytest.raises(DamagedTableError):
        view.refresh()


def test_the_days_that_a_damaged_entry_touched_are_unknown(
    warehouse: Warehouse,
) -> None:
    table = warehouse.open(EVENTS)
    path = entry_path(table.path, 2)
    path.write_text(path.read_text().replace('"shop"', '"shoq"'))

    assert table.touched(0) is None
    assert table.touched(2) == {("shop", event().day)}


def test_an_entry_without_a_digest_is_accepted(warehouse: Warehouse) -> None:
    table = events_table(warehouse)
    (table / "_settled").unlink()
    newest = entry_path(table, 4)
    newest.write_text(newest.read_text().replace('"shop"', '"shoq"'))

    assert list(log_digests.damaged_versions(table, 0, 4)) == []


def table_with_checkpoint(warehouse: Warehouse) -> StoredTable:
    """Return the events table with a checkpoint and a commit after it."""
    table = warehouse.open(EVENTS)
    table._delta.checkpoint()  # noqa: SLF001
    table.append(frame([event()]))
    return table


@BOTH
def test_a_damaged_checkpoint_that_the_log_needs_is_named(
    warehouse: Warehouse, open_table: Callable[[Warehouse], object]
) -> None:
    table = table_with_checkpoint(warehouse)
    for version in range(4):
        entry_path(table.path, version).unlink()
    path = log_digests.checkpoint_path(table.path, 4)
    flip(path, 8_000)

    with pytest.raises(DamagedTableError) as caught:
        open_table(warehouse)
    assert caught.value.path == path


def test_a_damaged_checkpoint_is_set_aside_if_the_log_is_complete(
    warehouse: Warehouse,
) -> None:
    table = table_with_checkpoint(warehouse)
    flip(log_digests.checkpoint_path(table.path, 4), 8_000)

    assert warehouse.open(EVENTS).rows() == 5
    assert sorted(path.name for path in (table.path / "_set_aside").iterdir()) == [
        f"{4:020}.checkpoint.parquet",
        "_last_checkpoint",
    ]


@pytest.mark.parametrize("bit", range(0, 480, 7))
def test_a_changed_bit_of_the_pointer_changes_nothing(
    warehouse: Warehouse, bit: int
) -> None:
    table = table_with_checkpoint(warehouse)
    pointer = table.path / "_delta_log" / "_last_checkpoint"
    flip(pointer, bit % (pointer.stat().st_size * 8))

    assert warehouse.open(EVENTS).rows() == 5


@pytest.mark.parametrize(
    "note", [VersionDigest(7, "ab12"), VersionDigest(0, None)], ids=str
)
def test_a_note_can_be_read_back_and_a_changed_bit_makes_it_empty(
    tmp_path: Path, note: VersionDigest
) -> None:
    path = tmp_path / "note"
    path.write_bytes(encode_note(note))

    assert read_note(path) == note
    for bit in range(path.stat().st_size * 8):
        flip(path, bit)
        assert read_note(path) in (note, log_digests.NO_NOTE)
        flip(path, bit)
