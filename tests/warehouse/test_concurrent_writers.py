"""Two writers that saw the same version leave the rows of one after the other."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.warehouse.delta.test_missing_columns import EARLIER
from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.schema import EVENTS, Event
from warehouse.tables import ConflictError, StoredTable, Warehouse

NEXT_DAY = DAY + timedelta(days=1)
NOW_S = 1_800_000_000.0

Work = Callable[[StoredTable], object]


def append(table: StoredTable) -> None:
    """Append a row to each day."""
    table.append(frame([event(path="/new"), event(path="/new", day=NEXT_DAY)]))


def compact(table: StoredTable) -> None:
    """Merge the files of each day."""
    table.compact(table.days(), now_s=NOW_S)


def replace(table: StoredTable) -> None:
    """Replace a day with its rows and one more."""
    rows = [*events(table.read([DAY])), event(path="/replaced")]
    table.replace_days([DAY], [frame(rows)], now_s=NOW_S)


def delete(table: StoredTable) -> None:
    """Remove a day."""
    table.delete_days([DAY], now_s=NOW_S)


WORKS = (append, compact, replace, delete)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a warehouse with two days of events, in two files each."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    for number in range(2):
        rows = [event(path=f"/{number}", day=day) for day in (DAY, NEXT_DAY)]
        table.append(frame(rows))
    return tmp_path / "warehouse"


def rows(root: Path) -> list[Event]:
    """Return the stored rows in an order that does not depend on the files."""
    stored = events(Warehouse(root).view(EVENTS).read())
    return sorted(stored, key=lambda row: (row.day, row.path or ""))


def work_with_retry(work: Work, table: StoredTable) -> None:
    """Do *work*; after a conflict refresh the table and do it again."""
    try:
        work(table)
    except ConflictError:
        table.refresh()
        work(table)


@pytest.mark.parametrize("second", WORKS, ids=lambda work: work.__name__)
@pytest.mark.parametrize("first", WORKS, ids=lambda work: work.__name__)
def test_the_second_writer_works_on_the_rows_of_the_first(
    root: Path, first: Work, second: Work
) -> None:
    copy = root.with_name("copy")
    copytree(root, copy)
    for work in (first, second):
        work(Warehouse(copy).open(EVENTS))

    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    work_with_retry(first, one)
    work_with_retry(second, other)

    assert rows(root) == rows(copy)
    view = Warehouse(root).view(EVENTS)
    assert view.recorded_rows == view.rows()
    assert {path.name for path in root.rglob("part-*")} == {
        Path(file.path).name for file in view.files()
    } | {path.name for path in root.rglob("part-*") if is_removed(view.path, path)}


def is_removed(table: Path, path: Path) -> bool:
    """Return whether the log says that a commit removed the file *path*."""
    name = path.relative_to(table).as_posix()
    log = (table / "_delta_log").glob("*.json")
    return any(f'"remove":{{"path":"{name}"' in entry.read_text() for entry in log)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
@pytest.mark.parametrize("order", ["columns first", "columns second"])
def test_columns_can_be_added_while_an_earlier_version_writes(
    tmp_path: Path, work: Work, order: str
) -> None:
    warehouse = Warehouse(tmp_path)
    before = warehouse.open(EARLIER)
    for path in ("/0", "/1"):
        before.append(frame([event(path=path)], EARLIER.row))
    old = StoredTable(EARLIER, warehouse.root / EARLIER.name)
    new = StoredTable(EVENTS, warehouse.root / EVENTS.name)

    def add_columns(table: StoredTable) -> None:
        table.add_missing_columns()

    def write_earlier(table: StoredTable) -> None:
        if work in (compact, delete):
            work(table)
        else:
            table.append(frame([event(path="/new")], EARLIER.row))

    if order == "columns first":
        work_with_retry(add_columns, new)
        work_with_retry(write_earlier, old)
    else:
        work_with_retry(write_earlier, old)
        work_with_retry(add_columns, new)

    stored = sorted(row.path or "" for row in rows(tmp_path))
    expected = {"compact": ["/0", "/1"], "delete": []}
    assert stored == expected.get(work.__name__, ["/0", "/1", "/new"])
    assert warehouse.open(EVENTS).recorded_rows == len(stored)


def test_a_compaction_does_not_restore_a_deleted_day(root: Path) -> None:
    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    delete(one)
    compact(other)

    assert Warehouse(root).view(EVENTS).days() == [NEXT_DAY]


def test_the_staged_files_of_a_refused_writer_are_removed_at_once(root: Path) -> None:
    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    append(one)
    before = set(root.rglob("part-*"))

    with pytest.raises(ConflictError):
        replace(other)
    assert set(root.rglob("part-*")) == before
