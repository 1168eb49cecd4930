"""The vacuum removes unused files: erased ones at once, leftovers after an hour."""

import os
from pathlib import Path

import pytest

from tests.warehouse.event_rows import DAY, event, frame
from warehouse.delta.vacuum import WRITERS_LOCK
from warehouse.locks import locked
from warehouse.schema import EVENTS
from warehouse.tables import StoredTable, Warehouse

HOUR_S = 3_600.0
LEFTOVERS = (
    f"day={DAY}/part-lost.parquet",
    f"day={DAY}/part-x.parquet#1",
    "_delta_log/00000000000000000009.json#2",
    "_delta_log/_commit_3f.json.tmp",
    "_set_aside/00000000000000000002.json",
    "stray",
)


@pytest.fixture
def table(tmp_path: Path) -> StoredTable:
    """Return a table with two files of one day."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    table.append(frame([event(path="/1")]))
    table.append(frame([event(path="/2")]))
    return table


def now_s(table: StoredTable) -> float:
    """Return the time of the newest commit on the clock of the file system."""
    return max(path.stat().st_mtime for path in table.path.glob("_delta_log/*.json"))


def names(table: StoredTable) -> set[str]:
    """Return the names of all data files and leftovers."""
    return {
        path.relative_to(table.path).as_posix()
        for path in table.path.rglob("*")
        if path.is_file() and path.suffix not in {".json", ".lock"}
    } - {"_settled"}


def leave_behind(table: StoredTable, at_s: float) -> None:
    """Create the leftovers of killed writers, with the time *at_s*."""
    for name in LEFTOVERS:
        path = table.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"canary")
        os.utime(path, (at_s, at_s))


def test_replaced_files_are_removed_after_an_hour(table: StoredTable) -> None:
    old = {file.path for file in table.files()}
    table.compact([DAY], now_s=now_s(table))
    new = {file.path for file in table.files()}

    assert table.vacuum(now_s=now_s(table) + HOUR_S - 1) == []
    assert set(table.vacuum(now_s=now_s(table) + HOUR_S)) == old
    assert names(table) == new
    assert sorted(table.read()["path"]) == ["/1", "/2"]


def test_erased_files_are_removed_at_once(table: StoredTable) -> None:
    old = {file.path for file in table.files()}
    table.delete_days([DAY], now_s=now_s(table))

    assert set(table.vacuum(now_s=now_s(table), removed_age_s=0)) == old
    assert names(table) == set()


def test_leftovers_of_a_crash_are_removed_after_an_hour(table: StoredTable) -> None:
    start_s = now_s(table)
    live = {file.path for file in table.files()}
    leave_behind(table, start_s)

    assert table.vacuum(now_s=start_s + HOUR_S - 1) == []
    assert set(table.vacuum(now_s=start_s + HOUR_S)) == set(LEFTOVERS)
    assert names(table) == live


def test_leftovers_stay_while_a_writer_is_active(table: StoredTable) -> None:
    start_s = now_s(table)
    leave_behind(table, start_s)
    with locked(table.path / WRITERS_LOCK, shared=True):
        removed = table.vacuum(now_s=start_s + 9 * HOUR_S)

    assert removed == []


def test_a_vacuumed_table_can_be_opened_and_keeps_its_log(table: StoredTable) -> None:
    table.clean_log()
    table.vacuum(now_s=now_s(table) + 9 * HOUR_S, removed_age_s=0)
    reopened = Warehouse(table.path.parent).open(EVENTS)

    assert reopened.rows() == 2
    assert (table.path / "_delta_log" / "_last_checkpoint").exists()
