"""No reader uses a value from a damaged data file."""

import random
from pathlib import Path

import pytest

from tests.warehouse.delta.test_log_digests import flip
from tests.warehouse.event_rows import DAY, event, frame
from warehouse.delta.file_checks import damage
from warehouse.schema import EVENTS
from warehouse.tables import DamagedTableError, StoredTable, Warehouse


@pytest.fixture
def table(tmp_path: Path) -> StoredTable:
    """Return an events table with one file."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    table.append(frame(event(path=f"/{n}", seq=n) for n in range(50)))
    return table


def data_file(table: StoredTable) -> Path:
    """Return the data file of *table*."""
    return table.path / table.files()[0].path


def reopen(table: StoredTable) -> StoredTable:
    """Open the table like a new process, which has checked no file yet."""
    return Warehouse(table.path.parent).open(EVENTS)


def test_every_changed_bit_is_found(table: StoredTable) -> None:
    path = data_file(table)
    chance = random.Random(8)  # noqa: S311 - the choice of bits is no secret
    [file] = table.files()
    for bit in chance.sample(range(file.size_bytes * 8), 300):
        flip(path, bit)
        assert damage(table.path, file) is not None
        flip(path, bit)
    assert damage(table.path, file) is None


def test_a_read_error_names_the_file_and_what_to_do(table: StoredTable) -> None:
    path = data_file(table)
    flip(path, 999)
    opened = reopen(table)

    for read in (opened.read, opened.scan, lambda: opened.compact([DAY], now_s=0)):
        opened.append(frame([event()]))
        with pytest.raises(DamagedTableError) as caught:
            read()
        assert caught.value.path == path
        assert "docs/operations.md" in str(caught.value)
        assert caught.value.exit_code == 3


def test_a_writer_makes_no_new_file_from_a_damaged_one(table: StoredTable) -> None:
    warehouse = Warehouse(table.path.parent)
    warehouse.open(EVENTS).append(frame([event()]))
    view = warehouse.view(EVENTS)
    view.read()
    flip(data_file(table), 999)

    with pytest.raises(DamagedTableError):
        warehouse.open(EVENTS).compact([DAY], now_s=0)


def test_a_missing_file_is_named(table: StoredTable) -> None:
    data_file(table).unlink()

    with pytest.raises(DamagedTableError, match="is missing"):
        reopen(table).read()


def test_a_process_checks_a_file_once(table: StoredTable) -> None:
    table.read()
    flip(data_file(table), 999)

    assert table.read(columns=["site"]).height == 50
    with pytest.raises(DamagedTableError):
        reopen(table).read()


def test_a_file_of_an_earlier_version_is_checked_by_its_size(
    table: StoredTable,
) -> None:
    [file] = table.files()
    earlier_file = type(file)(
        path=f"day={DAY}/part-1.parquet",
        day=DAY,
        rows=file.rows,
        size_bytes=file.size_bytes,
    )
    path = table.path / earlier_file.path
    path.write_bytes(data_file(table).read_bytes())

    assert damage(table.path, earlier_file) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert damage(table.path, earlier_file) == "does not have the size that was written"
