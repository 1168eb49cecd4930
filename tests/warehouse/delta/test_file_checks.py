"""No reader takes a value from a data file that is not as it was written."""

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
    """Return events in one file."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    table.append(frame(event(path=f"/{n}", seq=n) for n in range(50)))
    return table


def data_file(table: StoredTable) -> Path:
    """Return its data file."""
    return table.path / table.files()[0].path


def again(table: StoredTable) -> StoredTable:
    """Open the table as another process would, that has looked at no file yet."""
    return Warehouse(table.path.parent).open(EVENTS)


def test_every_changed_bit_is_found(table: StoredTable) -> None:
    path = data_file(table)
    chance = random.Random(8)  # noqa: S311 - which bits are tried is no secret
    [file] = table.files()
    for bit in chance.sample(range(file.size_bytes * 8), 300):
        flip(path, bit)
        assert damage(table.path, file) is not None
        flip(path, bit)
    assert damage(table.path, file) is None


def test_reading_names_the_file_and_what_to_do(table: StoredTable) -> None:
    path = data_file(table)
    flip(path, 999)
    opened = again(table)

    for read in (opened.read, opened.scan, lambda: opened.compact([DAY], now_s=0)):
        opened.append(frame([event()]))
        with pytest.raises(DamagedTableError) as caught:
            read()
        assert caught.value.path == path
        assert "docs/operations.md" in str(caught.value)
        assert caught.value.exit_code == 3


def test_a_writer_makes_no_new_file_of_a_damaged_one(table: StoredTable) -> None:
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
        again(table).read()


def test_a_file_is_looked_at_once_in_the_life_of_a_process(table: StoredTable) -> None:
    table.read()
    flip(data_file(table), 999)

    assert table.read(columns=["site"]).height == 50
    with pytest.raises(DamagedTableError):
        again(table).read()


def test_a_file_of_an_earlier_version_is_held_to_its_size(table: StoredTable) -> None:
    [file] = table.files()
    named = type(file)(
        path=f"day={DAY}/part-1.parquet",
        day=DAY,
        rows=file.rows,
        size_bytes=file.size_bytes,
    )
    path = table.path / named.path
    path.write_bytes(data_file(table).read_bytes())

    assert damage(table.path, named) is None
    path.write_bytes(path.read_bytes()[:-1])
    assert damage(table.path, named) == "does not have the size that was written"
