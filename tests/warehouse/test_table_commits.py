"""Each transaction is committed once, and a commit fails if its view is out of date."""

from datetime import timedelta

import pytest

from tests.warehouse.event_rows import DAY, event, frame, paths
from warehouse.schema import EVENTS
from warehouse.tables import (
    AlreadyCommittedError,
    ConflictError,
    StoredTable,
    TableError,
    Warehouse,
)

NEXT_DAY = DAY + timedelta(days=1)
NOW_S = 1_800_000_000.0


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


def test_a_transaction_of_another_writer_is_a_conflict(
    warehouse: Warehouse, table: StoredTable
) -> None:
    warehouse.open(EVENTS).append(frame([event()]), transactions={"spool/lane": 1})

    with pytest.raises(ConflictError):
        table.append(frame([event()]), transactions={"spool/lane": 1})
    table.refresh()
    with pytest.raises(AlreadyCommittedError):
        table.append(frame([event()]), transactions={"spool/lane": 1})
    assert table.rows() == 1


def test_writers_of_different_transactions_do_not_conflict(
    warehouse: Warehouse, table: StoredTable
) -> None:
    warehouse.open(EVENTS).append(frame([event()]), transactions={"spool/one": 1})
    table.append(frame([event()]), transactions={"spool/two": 1})

    assert table.rows() == 2


def test_a_replacement_changes_its_days_in_one_commit_and_no_other_day(
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


def test_a_replacement_conflicts_with_rows_added_meanwhile(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event(path="/old")]))
    warehouse.open(EVENTS).append(frame([event(path="/meanwhile")]))

    with pytest.raises(ConflictError):
        table.replace_days([DAY], [frame([event(path="/new")])], now_s=NOW_S)
    assert paths(warehouse.view(EVENTS).read()) == ["/meanwhile", "/old"]


def test_rows_appended_to_other_days_do_not_conflict_with_a_replacement(
    warehouse: Warehouse, table: StoredTable
) -> None:
    table.append(frame([event(path="/old")]))
    warehouse.open(EVENTS).append(frame([event(path="/other", day=NEXT_DAY)]))
    table.replace_days([DAY], [frame([event(path="/new")])], now_s=NOW_S)

    assert paths(table.read()) == ["/new", "/other"]


@pytest.mark.parametrize("rows", [0, 1], ids=["an empty day", "a day with rows"])
def test_one_of_two_concurrent_replacements_fails(
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
