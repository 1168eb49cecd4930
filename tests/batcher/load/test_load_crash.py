"""Killed and concurrent loads store each event once and count each drop once."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from batcher.load.load import load
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import (
    SETTINGS,
    Counts,
    left_over,
    spool_events,
    stored_drops,
    stored_events,
)
from tests.batcher.spool.make_segments import FOLDER
from tests.strace import run
from tests.warehouse.event_rows import DAY, event
from warehouse.schema import DROPS, EVENTS, Drop, Event
from warehouse.tables import Warehouse

ROOT = Path(__file__).parents[3]
NOW_S = 0.0
# The system calls that change files in a load, and how often each occurs: OWN in the
# main thread, OTHERS in the threads of Polars and Delta.
OWN = {"mkdir": 2, "write": 9, "fsync": 24, "rename": 9, "unlink": 3}
OTHERS = {"write": 45, "linkat": 2, "unlink": 2}
EVERY = [
    *[("own", call, nth) for call in OWN for nth in range(1, OWN[call] + 1)],
    *[("any", call, nth) for call in OTHERS for nth in range(1, OTHERS[call] + 1)],
]
_CHANGES = (
    "mkdir,mkdirat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,truncate,"
    "link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fallocate,chmod"
)
SELECTED = [
    pytest.param("any", "linkat", 1, id="events commit"),
    pytest.param("own", "fsync", 11, id="events visible, not durable"),
    pytest.param("drops commit", "linkat", 1, id="drops commit"),
    pytest.param("own", "rename", 5, id="missing frames not recorded"),
    pytest.param("own", "rename", 9, id="quarantine"),
    pytest.param("own", "unlink", 2, id="half of the segments removed"),
    pytest.param("own", "unlink", 3, id="plan not removed"),
]


def prepare(tmp_path: Path) -> tuple[Spool, Warehouse]:
    """Return a spool with rows of every kind, and a warehouse with some of them."""
    spool, warehouse = Spool(tmp_path / "spool"), Warehouse(tmp_path / "warehouse")
    spool_events(spool, [event(event_id=1), event(event_id=2)])
    load(spool, warehouse, SETTINGS, NOW_S)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    new = [event(event_id=number, path=f"/{number}") for number in (2, 3, 3, 4)]
    spool_events(spool, new[:2], new[2:], drops=[drop])
    spool_events(spool, [event(event_id=5, day=DAY.replace(day=21))])
    damaged = spool.sealed()[-1].path.with_name("0000000900.segment")
    shutil.copy(FOLDER / "bad-checksum.segment", damaged)
    return spool, warehouse


def finish(tmp_path: Path) -> tuple[list[Event], Counts, list[str]]:
    """Finish the load; return the stored events, the drops and the quarantine."""
    spool, warehouse = Spool(tmp_path / "spool"), Warehouse(tmp_path / "warehouse")
    load(spool, warehouse, SETTINGS, NOW_S)

    assert left_over(spool) == []
    for table in (EVENTS, DROPS):
        assert warehouse.view(table).damaged_files() == []
    set_aside = [path.name for path in spool.quarantine.entries()]
    return stored_events(warehouse), stored_drops(warehouse), set_aside


def run_disturbed(
    tmp_path: Path, injection: str, thread: str, call: str, nth: int
) -> int:
    """Disturb a load at one system call; check that the next load completes it."""
    prepare(tmp_path / "alone")
    shutil.copytree(tmp_path / "alone", tmp_path / "disturbed")
    expected = finish(tmp_path / "alone")
    script = ["tests.batcher.load.load_once", str(tmp_path / "disturbed" / "spool")]
    warehouse = tmp_path / "disturbed" / "warehouse"
    # Delta chooses the thread that commits, so this call is found by its file.
    entry = warehouse / "drops" / "_delta_log" / f"{1:020}.json"
    filters = {"own": [], "any": ["-f"], "drops commit": ["-f", "-P", str(entry)]}
    ended = run(
        [*filters[thread], "-e", f"inject={call}:{injection}:when={nth}"],
        [*script, str(warehouse)],
        check=False,
    )

    assert finish(tmp_path / "disturbed") == expected
    ids = Counter(row.event_id for row in expected[0])
    assert ids == Counter({0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1})
    return ended.returncode


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), SELECTED)
def test_the_next_load_finishes_a_killed_one(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    ended = run_disturbed(tmp_path, "signal=KILL", thread, call, nth)

    assert ended == -signal.SIGKILL


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("thread", "call", "nth"), EVERY, ids=str)
def test_the_next_load_finishes_one_killed_at_any_call(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    ended = run_disturbed(tmp_path, "signal=KILL", thread, call, nth)

    assert ended == -signal.SIGKILL or thread == "any"


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), [("own", "fsync", 11)], ids=str)
def test_the_next_load_finishes_one_after_a_disk_error(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    assert run_disturbed(tmp_path, "error=EIO", thread, call, nth) == 1


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(
    ("thread", "call", "nth"), [case for case in EVERY if case[0] == "own"], ids=str
)
def test_the_next_load_finishes_one_after_a_disk_error_at_any_call(
    tmp_path: Path, error: str, thread: str, call: str, nth: int
) -> None:
    run_disturbed(tmp_path, f"error={error}", thread, call, nth)


@pytest.mark.crash
def test_the_cases_cover_every_call_of_a_load(tmp_path: Path) -> None:
    spool, warehouse = prepare(tmp_path)
    script = ["tests.batcher.load.load_once", str(spool.directory), str(warehouse.root)]
    log = tmp_path / "log"
    run(["-e", f"trace={_CHANGES}", "-o", str(log)], script, check=True)
    calls = Counter(line.partition("(")[0] for line in log.read_text().splitlines())

    assert {call: calls[call] for call in calls if call != "write"} == {
        call: count for call, count in OWN.items() if call != "write"
    }


def count_loaded(processes: list[subprocess.Popen[str]]) -> int:
    """Return the number of events that the loaders stored in all."""
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * len(processes)
    return sum(int(line) for output in outputs for line in output.split())


def start_loader(spool: Spool, warehouse: Warehouse) -> "subprocess.Popen[str]":
    """Start a process that loads *spool*."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.batcher.load.load_once"),
            *(str(spool.directory), str(warehouse.root)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.crash
def test_two_loaders_of_one_spool_store_each_event_once(tmp_path: Path) -> None:
    spool, warehouse = Spool(tmp_path / "spool"), Warehouse(tmp_path / "warehouse")
    for number in range(20):
        spool_events(spool, [event(path=f"/{number}")])
    count = count_loaded([start_loader(spool, warehouse) for _ in range(3)])

    assert count == 20
    assert warehouse.view(EVENTS).rows() == 20
    assert left_over(spool) == []


@pytest.mark.crash
def test_loaders_of_several_spools_find_each_others_duplicates(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    warehouse.open(EVENTS)
    spools = [Spool(tmp_path / f"spool-{number}") for number in range(3)]
    for spool in spools:
        spool_events(spool, [event(event_id=number) for number in range(50)])
    count = count_loaded([start_loader(spool, warehouse) for spool in spools])

    assert count == 50
    assert sum(stored_drops(warehouse).values()) == 100
    assert len({row.event_id for row in stored_events(warehouse)}) == 50
