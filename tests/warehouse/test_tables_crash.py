"""A writer that is killed anywhere leaves a valid table, and can be run again."""

import signal
from pathlib import Path

import pytest

from tests.strace import run
from tests.warehouse.event_rows import DAY, event, events
from tests.warehouse.run_upkeep import NEXT_DAY
from warehouse.delta.vacuum import ORPHAN_AGE_S
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

# System calls of the writer's main thread, and of any thread, and how often they occur.
OWN = {"mkdir": 5, "write": 9, "fsync": 36, "rename": 5, "unlink": 3}
OTHERS = {"write": 40, "linkat": 5, "unlink": 5, "rename": 3}
EVERY = [
    *[("own", call, nth) for call in OWN for nth in range(1, OWN[call] + 1)],
    *[("any", call, nth) for call in OTHERS for nth in range(1, OTHERS[call] + 1)],
]
SELECTED = [
    pytest.param("any", "linkat", 1, id="creation"),
    pytest.param("own", "fsync", 15, id="appended, not replaced yet"),
    pytest.param("own", "fsync", 20, id="replacement visible, not durable"),
    pytest.param("own", "unlink", 2, id="vacuum half done"),
]


def check_kill(tmp_path: Path, thread: str, call: str, nth: int) -> int:
    """Kill the program at one system call, run it again, and check the table."""
    root = tmp_path / "warehouse"
    script = ["tests.warehouse.run_upkeep", str(root)]
    options = [
        *["-f"] * (thread == "any"),
        "-e",
        f"inject={call}:signal=KILL:when={nth}",
    ]
    ended = run(options, script, check=False).returncode
    run(["-e", "trace=none"], script, check=True)
    table = Warehouse(root).open(EVENTS)
    newest_s = max(path.stat().st_mtime for path in root.rglob("*"))
    table.vacuum(now_s=newest_s + ORPHAN_AGE_S, removed_age_s=0)

    assert table.damaged_files() == []
    assert table.files_per_day() == {DAY: 1, NEXT_DAY: 1}
    stored = [event(seq=1), event(seq=2), event(day=NEXT_DAY, seq=9)]
    assert events(table.read()) == stored
    data = {path.relative_to(table.path).as_posix() for path in root.rglob("part-*")}
    assert data == {file.path for file in table.files()}
    assert list(root.rglob("*#*")) == []
    return ended


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), SELECTED)
def test_a_killed_writer_can_be_run_again(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    assert check_kill(tmp_path, thread, call, nth) == -signal.SIGKILL


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("thread", "call", "nth"), EVERY, ids=str)
def test_a_writer_killed_anywhere_can_be_run_again(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    check_kill(tmp_path, thread, call, nth)
