"""Load and build killed at any call that changes a file: the next one makes it good."""

import shutil
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from tests.batcher.load.loads import left_over, spool_events
from tests.load_and_build import load_and_build
from tests.strace import run
from tests.warehouse.event_rows import DAY, event
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS, Drop
from warehouse.tables import Warehouse

TABLES = (EVENTS, DROPS, SESSIONS, DAILY_STATS)
DAY_BEFORE = DAY.replace(day=DAY.day - 1)
# The calls that change files: those of its own thread; those of all threads, which are
# counted thread by thread; or those that touch one table's folder, whoever makes them.
OWN = ("mkdir", "write", "fsync", "rename", "unlink")
OTHERS = ("write", "linkat", "unlink", "mkdir", "fsync")
SOME = [
    pytest.param("own", "fsync", 12, id="events stored, drops not"),
    pytest.param("own", "unlink", 2, id="segments half removed"),
    pytest.param("sessions", "fsync", 1, id="sessions half written"),
    pytest.param("own", "fsync", 25, id="sessions visible, not durable"),
    pytest.param("own", "fsync", 27, id="sessions new, daily_stats old"),
    pytest.param("own", "fsync", 28, id="all built, not noted"),
]
# What a table's file is called is random, what is in it is not.
Outcome = dict[str, list[tuple[object, ...]]]


def prepared(folder: Path) -> None:
    """Leave a day that is built, and a spool with more of it, of another, and twice."""
    spool, warehouse = Spool(folder / "spool"), Warehouse(folder / "warehouse")
    spool_events(spool, [event(event_id=each, day=DAY_BEFORE) for each in range(2)])
    load_and_build(spool, warehouse)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    late = event(event_id=2, day=DAY_BEFORE, visitor=8)
    again = event(event_id=0, day=DAY_BEFORE)
    new = [event(event_id=each, visitor=each) for each in range(10, 20)]
    spool_events(spool, [late, again], new, drops=[drop])
    spool_events(spool, [event(event_id=3, site="blog")])


def outcome(folder: Path) -> Outcome:
    """Finish what was begun; return all rows, and leave no file no table names."""
    spool, warehouse = Spool(folder / "spool"), Warehouse(folder / "warehouse")
    load_and_build(spool, warehouse)

    assert left_over(spool) == []
    rows: Outcome = {}
    for table in TABLES:
        stored = warehouse.open(table)
        stored.vacuum(now_s=2.0**33, removed_age_s=0)
        named = {each.path for each in stored.files()}
        assert {str(path.relative_to(stored.path)) for path in data(stored.path)} == (
            named
        )
        rows[table.name] = sorted(
            stored.read().drop("items", strict=False).rows(), key=repr
        )
    return rows


def data(table: Path) -> Iterator[Path]:
    """Yield the data files of a table, and what writing them may leave."""
    return (path for path in table.glob("day=*/*") if path.is_file())


def ends_killed(folder: Path, thread: str, call: str, nth: int) -> bool:
    """Kill load and build at a call; say whether they got there."""
    whose = [] if thread == "own" else ["-f"]
    if thread in {table.name for table in TABLES}:
        whose += ["-P", str(folder / "warehouse" / thread)]
    ended = run(
        [*whose, "-e", f"inject={call}:signal=KILL:when={nth}"],
        ["tests.load_and_build", str(folder / "spool"), str(folder / "warehouse")],
        check=False,
    )
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Return the folder every load and build of a test begins with."""
    prepared(tmp_path / "begun")
    return tmp_path / "begun"


@pytest.fixture
def expected(begun: Path) -> Outcome:
    """Return what comes of it where nothing is killed."""
    return outcome(copied(begun, "alone"))


def copied(begun: Path, name: str) -> Path:
    """Return a copy of *begun*."""
    return Path(shutil.copytree(begun, begun.with_name(name)))


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), SOME)
def test_a_killed_load_and_build_is_made_good_by_the_next(
    begun: Path, expected: Outcome, thread: str, call: str, nth: int
) -> None:
    folder = copied(begun, "killed")

    assert ends_killed(folder, thread, call, nth)
    assert outcome(folder) == expected


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("thread", "call"),
    [*(("own", each) for each in OWN), *(("any", each) for each in OTHERS)],
)
def test_killed_at_every_call_it_is_made_good_by_the_next(
    begun: Path, expected: Outcome, thread: str, call: str
) -> None:
    for nth in count(1):
        folder = copied(begun, f"killed {nth}")
        if not ends_killed(folder, thread, call, nth):
            break
        assert outcome(folder) == expected, nth
        shutil.rmtree(folder)

    assert nth > 1


def test_a_second_load_and_build_writes_no_file(begun: Path) -> None:
    outcome(begun)
    before = sorted(begun.rglob("*.parquet"))
    outcome(begun)

    assert sorted(begun.rglob("*.parquet")) == before
