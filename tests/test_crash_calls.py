"""After a kill at any call that changes a file, the next load and build repair all."""

import shutil
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import left_over, spool_events
from tests.load_and_build import load_and_build
from tests.strace import run
from tests.warehouse.event_rows import DAY, event
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS, Drop
from warehouse.tables import Warehouse

TABLES = (EVENTS, DROPS, SESSIONS, DAILY_STATS)
DAY_BEFORE = DAY.replace(day=DAY.day - 1)
# System calls that change files: OWN by the main thread, OTHERS by any thread (counted
# per thread). A case may also select the calls on the directory of one table.
OWN = ("mkdir", "write", "fsync", "rename", "unlink")
OTHERS = ("write", "linkat", "unlink", "mkdir", "fsync")
SELECTED = [
    pytest.param("own", "fsync", 12, id="events stored, drops not"),
    pytest.param("own", "unlink", 2, id="half of the segments removed"),
    pytest.param("sessions", "fsync", 1, id="sessions half written"),
    pytest.param("own", "fsync", 25, id="sessions visible, not durable"),
    pytest.param("own", "fsync", 27, id="new sessions, old daily_stats"),
    pytest.param("own", "fsync", 28, id="all built, not recorded"),
]
# The names of a table's files are random, so only the rows are compared.
Outcome = dict[str, list[tuple[object, ...]]]


def prepare(folder: Path) -> None:
    """Build one day; spool late, repeated and new events, and another site's."""
    spool, warehouse = Spool(folder / "spool"), Warehouse(folder / "warehouse")
    spool_events(spool, [event(event_id=number, day=DAY_BEFORE) for number in range(2)])
    load_and_build(spool, warehouse)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    late = event(event_id=2, day=DAY_BEFORE, visitor=8)
    again = event(event_id=0, day=DAY_BEFORE)
    new = [event(event_id=number, visitor=number) for number in range(10, 20)]
    spool_events(spool, [late, again], new, drops=[drop])
    spool_events(spool, [event(event_id=3, site="blog")])


def finish(folder: Path) -> Outcome:
    """Load and build; check that no file is left over, and return all rows."""
    spool, warehouse = Spool(folder / "spool"), Warehouse(folder / "warehouse")
    load_and_build(spool, warehouse)

    assert left_over(spool) == []
    rows: Outcome = {}
    for table in TABLES:
        stored = warehouse.open(table)
        stored.vacuum(now_s=2.0**33, removed_age_s=0)
        expected_paths = {file.path for file in stored.files()}
        found_paths = {
            str(path.relative_to(stored.path)) for path in data_files(stored.path)
        }
        assert found_paths == expected_paths
        rows[table.name] = sorted(
            stored.read().drop("items", strict=False).rows(), key=repr
        )
    return rows


def data_files(table: Path) -> Iterator[Path]:
    """Yield the data files of a table, and any leftovers of a write."""
    return (path for path in table.glob("day=*/*") if path.is_file())


def is_killed(folder: Path, thread: str, call: str, nth: int) -> bool:
    """Kill load and build at a call; return whether they reached it."""
    filters = [] if thread == "own" else ["-f"]
    if thread in {table.name for table in TABLES}:
        filters += ["-P", str(folder / "warehouse" / thread)]
    ended = run(
        [*filters, "-e", f"inject={call}:signal=KILL:when={nth}"],
        ["tests.load_and_build", str(folder / "spool"), str(folder / "warehouse")],
        check=False,
    )
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Return the folder that each load and build of a test starts from."""
    prepare(tmp_path / "prepared")
    return tmp_path / "prepared"


@pytest.fixture
def expected(prepared: Path) -> Outcome:
    """Return the rows of a load and build without a kill."""
    return finish(copy_to(prepared, "unkilled"))


def copy_to(prepared: Path, name: str) -> Path:
    """Copy *prepared* to the sibling folder *name*, and return the copy."""
    return Path(shutil.copytree(prepared, prepared.with_name(name)))


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), SELECTED)
def test_the_next_load_and_build_repairs_a_killed_one(
    prepared: Path, expected: Outcome, thread: str, call: str, nth: int
) -> None:
    folder = copy_to(prepared, "killed")

    assert is_killed(folder, thread, call, nth)
    assert finish(folder) == expected


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("thread", "call"),
    [*(("own", call) for call in OWN), *(("any", call) for call in OTHERS)],
)
def test_the_next_load_and_build_repairs_a_kill_at_every_call(
    prepared: Path, expected: Outcome, thread: str, call: str
) -> None:
    for nth in count(1):
        folder = copy_to(prepared, f"killed {nth}")
        if not is_killed(folder, thread, call, nth):
            break
        assert finish(folder) == expected, nth
        shutil.rmtree(folder)

    assert nth > 1


def test_a_second_load_and_build_writes_no_file(prepared: Path) -> None:
    finish(prepared)
    before = sorted(prepared.rglob("*.parquet"))
    finish(prepared)

    assert sorted(prepared.rglob("*.parquet")) == before
