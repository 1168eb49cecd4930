"""A table holds exactly the version its object saw, and changes in whole commits."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.dtypes import FrameError, polars_schema
from warehouse.schema import EVENTS, TABLES, Drop, Event, Table
from warehouse.tables import (
    AlreadyCommittedError,
    ConflictError,
    StoredTable,
    TableError,
    Warehouse,
)

NEXT_DAY = DAY + timedelta(days=1)
NOW_S = 1_800_000_000.0


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def table(warehouse: Warehouse) -> StoredTable:
    """Return an empty events table."""
    return warehouse.open(EVENTS)


def paths(stored: pl.DataFrame) -> list[str]:
    """Return the paths of the rows, sorted."""
    return sorted(each.path or "" for each in events(stored))


@pytest.mark.parametrize("each", TABLES, ids=lambda each: each.name)
def test_every_table_can_be_created_and_is_empty(
    warehouse: Warehouse, each: Table
) -> None:
    stored = warehouse.open(each)

    assert stored.version == 0
    assert stored.read().schema == polars_schema(each)
    assert stored.read().is_empty()


def test_a_view_of_a_table_that_does_not_exist_is_empty_and_creates_nothing(
    warehouse: Warehouse,
) -> None:
    view = warehouse.view(EVENTS)

    assert view.version == -1
    assert view.read().schema == polars_schema(EVENTS)
    assert view.transaction_version("spool/lane") is None
    assert not warehouse.root.exists()


def test_a_view_sees_the_table_once_it_exists(warehouse: Warehouse) -> None:
    view = warehouse.view(EVENTS)
    warehouse.open(EVENTS).append(frame([event()]))

    assert view.refresh() == 1
    assert view.rows() == 1


def test_what_is_appended_is_read_back_by_day_and_column(
    warehouse: Warehouse, table: StoredTable
) -> None:
    stored = [event(path="/a"), event(path="/b", day=NEXT_DAY)]
    table.append(frame(stored))
    view = warehouse.view(EVENTS)

    assert sorted(events(view.read()), key=lambda each: each.day) == stored
    assert events(view.read([NEXT_DAY])) == stored[1:]
    assert view.read([DAY], ["path", "day"]).rows() == [("/a", DAY)]
    assert view.read([date(2020, 1, 1)]).is_empty()
    assert view.days() == [DAY, NEXT_DAY]
    assert view.rows([DAY]) == 1
    assert view.size_bytes() == sum(each.size_bytes for each in view.files())


def test_a_view_reads_its_version_until_it_is_refreshed(
    warehouse: Warehouse, table: StoredTable
) -> None:
    view = warehouse.view(EVENTS)
    table.append(frame([event(path="/later")]))

    assert view.read().is_empty()
    assert view.refresh() == table.version
    assert paths(view.read()) == ["/later"]


def test_a_transaction_is_committed_once(table: StoredTable) -> None:
    table.append(frame([event()]), transactions={"spool/lane": 4})

    for number in (3, 4):
        with pytest.raises(AlreadyCommittedError):
            table.append(frame([event()]), transactions={"spool/lane": number})
    assert table.transaction_version("spool/lane") == 4
    assert table.rows() == 1


def test_a_transaction_without_rows_is_recorded(table: StoredTable) -> None:
    table.append(frame([]), transactions={"spool/lane": 1})

    assert table.transaction_version("spool/lane") == 1
    assert table.files() == []


def test_a_transaction_another_writer_just_recorded_conflicts(
    warehouse: Warehouse, table: StoredTable
) -> None:
    warehouse.open(EVENTS).append(frame([event()]), transactions={"spool/lane": 1})

    with pytest.raises(ConflictError):
        table.append(frame([event()]), transactions={"spool/lane": 1})
    table.refresh()
    with pytest.raises(AlreadyCommittedError):
        table.append(frame([event()]), transactions={"spool/lane": 1})
    assert table.rows() == 1


def test_writers_of_different_transactions_do_not_disturb_each_other(
    warehouse: Warehouse, table: StoredTable
) -> None:
    warehouse.open(EVENTS).append(frame([event()]), transactions={"spool/one": 1})
    table.append(frame([event()]), transactions={"spool/two": 1})

    assert table.rows() == 2


def test_replacing_days_changes_them_all_at_once_and_no_other(
    table: StoredTable,
) -> None:
    other = DAY - timedelta(days=1)
    before = [event(path="/kept", day=other), event(path="/old"), event(day=NEXT_DAY)]
    table.append(frame(before))
    version = table.version
    table.replace_days(
        [DAY, NEXT_DAY],
        (frame([event(path=path)]) for path in ("/new", "/newer")),
        now_s=NOW_S,
    )

    assert table.version == version + 1
    assert paths(table.read()) == ["/kept", "/new", "/newer"]


def test_a_replacement_knows_of_every_row_it_replaces(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event(path="/old")]))
    warehouse.open(EVENTS).append(frame([event(path="/meanwhile")]))

    with pytest.raises(ConflictError):
        table.replace_days([DAY], [frame([event(path="/new")])], now_s=NOW_S)
    assert paths(warehouse.view(EVENTS).read()) == ["/meanwhile", "/old"]


def test_rows_appended_to_other_days_do_not_hinder_a_replacement(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event(path="/old")]))
    warehouse.open(EVENTS).append(frame([event(path="/other", day=NEXT_DAY)]))
    table.replace_days([DAY], [frame([event(path="/new")])], now_s=NOW_S)

    assert paths(table.read()) == ["/new", "/other"]


@pytest.mark.parametrize("rows", [0, 1], ids=["an empty day", "a day with rows"])
def test_of_two_replacements_at_once_one_fails(
    warehouse: Warehouse, table: StoredTable, rows: int
) -> None:
    table.append(frame([event()] * rows))
    other = warehouse.open(EVENTS)
    table.replace_days([DAY], [frame([event(path="/first")])], now_s=NOW_S)

    with pytest.raises(ConflictError):
        other.replace_days([DAY], [frame([event(path="/second")])], now_s=NOW_S)
    table.refresh()
    assert paths(table.read()) == ["/first"]


def test_a_replacement_with_a_row_of_another_day_is_refused(table: StoredTable) -> None:
    with pytest.raises(TableError):
        table.replace_days([DAY], [frame([event(day=NEXT_DAY)])], now_s=NOW_S)

    assert table.version == 0


def test_a_wrong_frame_is_refused_and_nothing_is_written(table: StoredTable) -> None:
    with pytest.raises(FrameError):
        table.append(frame([event()]).drop("seq"))
    with pytest.raises(FrameError):
        table.replace_days([DAY], [frame([event()]).drop("seq")], now_s=NOW_S)

    assert list(table.path.glob("day=*")) == []


def test_a_deleted_day_has_no_rows(table: StoredTable) -> None:
    table.append(frame([event(), event(day=NEXT_DAY)]))
    table.delete_days([DAY], now_s=NOW_S)

    assert table.days() == [NEXT_DAY]


def test_compacting_leaves_the_rows_and_one_file_a_day(table: StoredTable) -> None:
    stored = [event(path=f"/{number}", seq=number) for number in range(4)]
    for each in stored:
        table.append(frame([each]))
    before = table.version

    assert table.compact(table.days(), now_s=NOW_S) == 4
    assert table.files_per_day() == {DAY: 1}
    assert events(table.read()) == stored
    assert table.touched(before) == set()
    assert table.compact(table.days(), now_s=NOW_S) == 0


def test_a_file_is_sorted_as_its_table_says_and_marked_so(table: StoredTable) -> None:
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


def test_the_touched_pairs_can_be_named_by_who_knows_better(table: StoredTable) -> None:
    table.append(frame([event()]))
    table.replace_days([DAY], [frame([event()])], now_s=NOW_S, touched=set())

    assert table.touched(1) == set()


def test_the_touched_pairs_are_unknown_where_the_log_does_not_reach(
    table: StoredTable,
) -> None:
    for _ in range(3):
        table.append(frame([event()]))
    (table.path / "_delta_log" / f"{2:020}.json").unlink()

    assert table.touched(0) is None
    assert table.touched(2) == {("shop", DAY)}
    assert table.touched(9) is None


def test_many_commits_are_checkpointed_and_old_transactions_kept(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event()]), transactions={"spool/old": 7})
    for number in range(1, 60):
        table.append(frame([]), transactions={"spool/lane": number})
    table.clean_log()
    again = warehouse.open(EVENTS)

    assert list(table.path.glob("_delta_log/*.checkpoint.parquet"))
    assert again.transaction_version("spool/old") == 7
    assert again.transaction_version("spool/lane") == 59
    assert again.rows() == 1


@pytest.mark.parametrize(
    "parent", ["plain", "env=prod", "a=1/b=2"], ids=["plain", "one", "two"]
)
def test_a_parent_directory_that_looks_like_a_partition_is_no_column(
    tmp_path: Path, parent: str
) -> None:
    table = Warehouse(tmp_path / parent).open(EVENTS)
    table.append(frame([event()]))

    assert events(table.read()) == [event()]


def test_a_parent_directory_called_like_our_partition_is_refused() -> None:
    with pytest.raises(TableError):
        Warehouse(Path("/data/day=2026-11-22/warehouse"))


def test_a_table_of_other_columns_is_not_written_to(warehouse: Warehouse) -> None:
    other = Table(name=EVENTS.name, row=Drop, key=("site",))
    warehouse.open(other)

    with pytest.raises(TableError, match="columns are not those of this version"):
        warehouse.open(EVENTS)


def test_a_file_tells_its_own_rows(table: StoredTable) -> None:
    for path in ("/a", "/b"):
        table.append(frame([event(path=path)]))
    read = [table.read_files([each], ["path"])["path"].item() for each in table.files()]

    assert sorted(read) == ["/a", "/b"]


def test_no_value_reaches_the_log(table: StoredTable) -> None:
    canary = "canary-7f3a"
    table.append(frame([Event(site="shop", day=DAY, at=event().at, path=canary)]))
    table.replace_days([DAY], [frame([event(path=canary)])], now_s=NOW_S)
    table.clean_log()
    log = b"".join(path.read_bytes() for path in table.path.glob("_delta_log/*"))

    assert canary.encode() not in log
