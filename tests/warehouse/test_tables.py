"""A table object reads exactly one version, and changes happen in whole commits."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.warehouse.event_rows import DAY, event, events, frame, paths
from warehouse.dtypes import FrameError, polars_schema
from warehouse.schema import EVENTS, TABLES, Drop, Event, Table
from warehouse.tables import (
    StoredTable,
    TableError,
    Warehouse,
)

NEXT_DAY = DAY + timedelta(days=1)
NOW_S = 1_800_000_000.0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_can_be_created_and_is_empty(
    warehouse: Warehouse, table: Table
) -> None:
    stored = warehouse.open(table)

    assert stored.version == 0
    assert stored.read().schema == polars_schema(table)
    assert stored.read().is_empty()


def test_a_view_of_a_table_that_does_not_exist_is_empty_and_creates_nothing(
    warehouse: Warehouse,
) -> None:
    view = warehouse.view(EVENTS)

    assert view.version == -1
    assert view.read().schema == polars_schema(EVENTS)
    assert view.transaction_version("spool/lane") is None
    assert not warehouse.root.exists()


def test_a_view_shows_a_table_that_is_created_later(warehouse: Warehouse) -> None:
    view = warehouse.view(EVENTS)
    warehouse.open(EVENTS).append(frame([event()]))

    assert view.refresh() == 1
    assert view.rows() == 1


def test_appended_rows_can_be_read_by_day_and_column(
    warehouse: Warehouse, table: StoredTable
) -> None:
    stored = [event(path="/a"), event(path="/b", day=NEXT_DAY)]
    table.append(frame(stored))
    view = warehouse.view(EVENTS)

    assert sorted(events(view.read()), key=lambda row: row.day) == stored
    assert events(view.read([NEXT_DAY])) == stored[1:]
    assert view.read([DAY], ["path", "day"]).rows() == [("/a", DAY)]
    assert view.read([date(2020, 1, 1)]).is_empty()
    assert view.days() == [DAY, NEXT_DAY]
    assert view.rows([DAY]) == 1
    assert view.size_bytes() == sum(file.size_bytes for file in view.files())


def test_a_view_reads_its_version_until_it_is_refreshed(
    warehouse: Warehouse, table: StoredTable
) -> None:
    view = warehouse.view(EVENTS)
    table.append(frame([event(path="/later")]))

    assert view.read().is_empty()
    assert view.refresh() == table.version
    assert paths(view.read()) == ["/later"]


def test_an_invalid_frame_is_refused_and_nothing_is_written(table: StoredTable) -> None:
    with pytest.raises(FrameError):
        table.append(frame([event()]).drop("seq"))
    with pytest.raises(FrameError):
        table.replace_days([DAY], [frame([event()]).drop("seq")], now_s=NOW_S)

    assert list(table.path.glob("day=*")) == []


def test_a_deleted_day_has_no_rows(table: StoredTable) -> None:
    table.append(frame([event(), event(day=NEXT_DAY)]))
    table.delete_days([DAY], now_s=NOW_S)

    assert table.days() == [NEXT_DAY]


def test_compaction_keeps_the_rows_and_leaves_one_file_per_day(
    table: StoredTable,
) -> None:
    stored = [event(path=f"/{number}", seq=number) for number in range(4)]
    for row in stored:
        table.append(frame([row]))
    before = table.version

    assert table.compact(table.days(), now_s=NOW_S) == 4
    assert table.files_per_day() == {DAY: 1}
    assert events(table.read()) == stored
    assert table.touched(before) == set()
    assert table.compact(table.days(), now_s=NOW_S) == 0


def test_a_file_is_sorted_and_marked_as_sorted(table: StoredTable) -> None:
    table.append(
        frame(
            [
                event(visitor=2, seq=1),
                event(visitor=2, seq=0),
                event(visitor=None, seq=5),
                event(visitor=-1, seq=9),
            ]
        )
    )
    scanned = table.scan([DAY], ["visitor", "at", "seq"])

    assert scanned.collect()["seq"].to_list() == [5, 9, 0, 1]
    assert "hint.sorted" in scanned.explain()


def test_the_touched_pairs_are_those_of_the_commits_between(
    table: StoredTable,
) -> None:
    table.append(frame([event(), event(site="blog", day=NEXT_DAY)]))
    table.append(frame([event()]))
    table.replace_days([NEXT_DAY], [], now_s=NOW_S)

    assert table.touched(0) == {("shop", DAY), ("blog", NEXT_DAY)}
    assert table.touched(1) == {("shop", DAY), ("blog", NEXT_DAY)}
    assert table.touched(2) == {("blog", NEXT_DAY)}
    assert table.touched(3) == set()


def test_the_caller_can_set_the_touched_pairs(table: StoredTable) -> None:
    table.append(frame([event()]))
    table.replace_days([DAY], [frame([event()])], now_s=NOW_S, touched=set())

    assert table.touched(1) == set()


def test_the_touched_pairs_are_unknown_if_the_log_is_incomplete(
    table: StoredTable,
) -> None:
    for _ in range(3):
        table.append(frame([event()]))
    (table.path / "_delta_log" / f"{2:020}.json").unlink()

    assert table.touched(0) is None
    assert table.touched(2) == {("shop", DAY)}
    assert table.touched(9) is None


def test_a_checkpoint_of_many_commits_keeps_old_transactions(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event()]), transactions={"spool/old": 7})
    for number in range(1, 60):
        table.append(frame([]), transactions={"spool/lane": number})
    table.clean_log()
    reopened = warehouse.open(EVENTS)

    assert list(table.path.glob("_delta_log/*.checkpoint.parquet"))
    assert reopened.transaction_version("spool/old") == 7
    assert reopened.transaction_version("spool/lane") == 59
    assert reopened.rows() == 1


@pytest.mark.parametrize(
    "parent", ["plain", "env=prod", "a=1/b=2"], ids=["plain", "one", "two"]
)
def test_a_parent_directory_named_like_a_partition_is_no_column(
    tmp_path: Path, parent: str
) -> None:
    table = Warehouse(tmp_path / parent).open(EVENTS)
    table.append(frame([event()]))

    assert events(table.read()) == [event()]


def test_a_parent_directory_named_like_the_day_partition_is_refused() -> None:
    with pytest.raises(TableError):
        Warehouse(Path("/data/day=2026-11-22/warehouse"))


def test_a_table_with_other_columns_is_refused(warehouse: Warehouse) -> None:
    other = Table(name=EVENTS.name, row=Drop, key=("site",))
    warehouse.open(other)

    with pytest.raises(TableError, match="columns are not those of this version"):
        warehouse.open(EVENTS)


def test_the_rows_of_one_file_can_be_read(table: StoredTable) -> None:
    for path in ("/a", "/b"):
        table.append(frame([event(path=path)]))
    values = [
        table.read_files([file], ["path"])["path"].item() for file in table.files()
    ]
    assert sorted(values) == ["/a", "/b"]


def test_the_log_contains_no_value(table: StoredTable) -> None:
    canary = "canary-7f3a"
    table.append(frame([Event(site="shop", day=DAY, at=event().at, path=canary)]))
    table.replace_days([DAY], [frame([event(path=canary)])], now_s=NOW_S)
    table.clean_log()
    log = b"".join(path.read_bytes() for path in table.path.glob("_delta_log/*"))

    assert canary.encode() not in log
