"""Two writers with views of one version: the rows are those of one after the other."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.warehouse.event_rows import DAY, event, events, frame
from tests.warehouse.test_added_columns import EARLIER
from warehouse.schema import EVENTS, Event
from warehouse.tables import ConflictError, StoredTable, Warehouse

NEXT_DAY = DAY + timedelta(days=1)
NOW_S = 1_800_000_000.0

Work = Callable[[StoredTable], object]


def append(table: StoredTable) -> None:
    """Add a row to each day."""
    table.append(frame([event(path="/new"), event(path="/new", day=NEXT_DAY)]))


def compact(table: StoredTable) -> None:
    """Merge the files of each day."""
    table.compact(table.days(), now_s=NOW_S)


def replace(table: StoredTable) -> None:
    """Replace a day by what it has, and one row more."""
    rows = [*events(table.read([DAY])), event(path="/replaced")]
    table.replace_days([DAY], [frame(rows)], now_s=NOW_S)


def delete(table: StoredTable) -> None:
    """Remove a day."""
    table.delete_days([DAY], now_s=NOW_S)


WORKS = (append, compact, replace, delete)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a warehouse whose events lie in two files for each of two days."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    for number in range(2):
        rows = [event(path=f"/{number}", day=day) for day in (DAY, NEXT_DAY)]
        table.append(frame(rows))
    return tmp_path / "warehouse"


def rows(root: Path) -> list[Event]:
    """Return the stored rows in an order that does not depend on their files."""
    stored = events(Warehouse(root).view(EVENTS).read())
    return sorted(stored, key=lambda each: (each.day, each.path or ""))


def work_until_done(work: Work, table: StoredTable) -> None:
    """Do *work*; who comes second looks at the table again and does it once more."""
    try:
        work(table)
    except ConflictError:
        table.refresh()
        work(table)


@pytest.mark.parametrize("second", WORKS, ids=lambda work: work.__name__)
@pytest.mark.parametrize("first", WORKS, ids=lambda work: work.__name__)
def test_the_second_of_two_writers_works_on_what_the_first_left(
    root: Path, first: Work, second: Work
) -> None:
    copy = root.with_name("copy")
    copytree(root, copy)
    for work in (first, second):
        work(Warehouse(copy).open(EVENTS))

    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    work_until_done(first, one)
    work_until_done(second, other)

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

    def columns(table: StoredTable) -> None:
        table.add_missing_columns()

    def earlier(table: StoredTable) -> None:
        if work in (compact, delete):
            work(table)
        else:
            table.append(frame([event(path="/new")], EARLIER.row))

    if order == "columns first":
        work_until_done(columns, new)
        work_until_done(earlier, old)
    else:
        work_until_done(earlier, old)
        work_until_done(columns, new)

    stored = sorted(each.path or "" for each in rows(tmp_path))
    wanted = {"compact": ["/0", "/1"], "delete": []}
    assert stored == wanted.get(work.__name__, ["/0", "/1", "/new"])
    assert warehouse.open(EVENTS).recorded_rows == len(stored)


def test_a_merge_does_not_bring_back_a_day_that_was_removed(root: Path) -> None:
    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    delete(one)
    compact(other)

    assert Warehouse(root).view(EVENTS).days() == [NEXT_DAY]


def test_what_a_refused_writer_staged_is_removed_at_once(root: Path) -> None:
    one, other = (Warehouse(root).open(EVENTS) for _ in range(2))
    append(one)
    before = set(root.rglob("part-*"))

    with pytest.raises(ConflictError):
        replace(other)
    assert set(root.rglob("part-*")) == before
