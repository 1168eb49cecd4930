"""A table of an earlier version gets its missing columns, and loses no row."""

import typing
from collections.abc import Iterable
from pathlib import Path

import duckdb
import msgspec
import pytest

from tests.warehouse.day_frames import DAY, event, frame, rows
from warehouse.schema import DROPS, EVENTS, Event, Row, Table
from warehouse.tables import StoredTable, TableError, Warehouse


def _without_columns(table: Table, missing: Iterable[str]) -> Table:
    """Return *table* as in an earlier version, without the columns *missing*."""
    hints = typing.get_type_hints(table.row, include_extras=True)
    fields: list[tuple[str, object, object]] = [
        (field.name, hints[field.name], field.default)
        for field in msgspec.structs.fields(table.row)
        if field.name not in missing
    ]
    row = msgspec.defstruct("Event", fields, bases=(Row,), frozen=True, kw_only=True)
    return msgspec.structs.replace(table, row=row, added=())


EARLIER = _without_columns(EVENTS, EVENTS.added)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path)
    table = warehouse.open(EARLIER)
    for path in ("/a", "/b"):
        table.append(frame([event(path=path)], EARLIER))
    return warehouse


def _stored_values(table: StoredTable) -> list[tuple[str, bool]]:
    return sorted((row["path"], row["passive"]) for row in rows(table.read([DAY])))


def test_earlier_rows_have_the_default(warehouse: Warehouse) -> None:
    viewed = warehouse.view(EVENTS).read()
    table = warehouse.open(EVENTS)

    assert table.version == warehouse.view(EARLIER).version
    assert [row["passive"] for row in rows(viewed)] == [False, False]
    assert sorted(rows(table.read()), key=lambda row: str(row["path"])) == [
        event(path="/a"),
        event(path="/b"),
    ]


def test_rows_of_both_versions_can_be_read_and_merged(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/c", passive=True)]), transactions={"lane": 1})
    before = _stored_values(table)

    table.compact([DAY], now_s=0)

    assert before == [("/a", False), ("/b", False), ("/c", True)]
    assert len(table.files()) == 1
    assert _stored_values(table) == before
    assert _stored_values(warehouse.open(EVENTS)) == before


def test_adding_a_column_touches_no_day(warehouse: Warehouse) -> None:
    before = warehouse.view(EARLIER).version

    table = warehouse.open(EVENTS)

    assert table.version == before + 1
    assert table.touched(before) == set()
    assert warehouse.open(EVENTS).version == before + 1


def test_a_second_writer_finds_the_columns_added(warehouse: Warehouse) -> None:
    one, other = (StoredTable(EVENTS, warehouse.root / EVENTS.name) for _ in range(2))

    one.add_missing_columns()
    other.add_missing_columns()

    assert one.version == other.version
    other.append(frame([event(path="/c")]))
    assert len(_stored_values(other)) == 3


def test_another_engine_reads_both_versions(warehouse: Warehouse) -> None:
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/c", passive=True)]))

    files = [str(table.path / file.path) for file in table.files()]
    got = duckdb.sql(
        "select path, passive from read_parquet($files, union_by_name = true)"
        " order by path",
        params={"files": files},
    ).fetchall()

    assert got == [("/a", None), ("/b", None), ("/c", True)]


def test_a_column_that_no_version_added_is_not_created(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.open(_without_columns(EVENTS, [*EVENTS.added, "late"]))

    with pytest.raises(TableError, match="columns are not those of this version"):
        warehouse.open(EVENTS)


def test_every_added_column_has_a_default() -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(Event)}

    assert all(defaults[name] is not msgspec.NODEFAULT for name in EVENTS.added)


def test_drops_of_an_earlier_version_have_no_kind_of_bot(tmp_path: Path) -> None:
    earlier = _without_columns(DROPS, DROPS.added)
    earlier = msgspec.structs.replace(earlier, key=earlier.key[:-1])
    warehouse = Warehouse(tmp_path)
    row = {"site": "shop", "day": DAY, "hour": 9, "reason": "bot", "protocol": "native"}
    warehouse.open(earlier).append(frame([{**row, "count": 3}], earlier))
    table = warehouse.open(DROPS)

    table.append(frame([{**row, "count": 4, "bot_kind": "seo"}], DROPS))

    got = {(row["bot_kind"], row["count"]) for row in rows(table.read())}
    assert got == {(None, 3), ("seo", 4)}
