"""Writers killed anywhere leave a table that opens, and work that can be done again."""

import signal
from pathlib import Path

import pytest

from tests.strace import run
from tests.warehouse.event_rows import DAY, event, events
from tests.warehouse.upkeep import NEXT_DAY
from warehouse.delta.vacuum import ORPHAN_AGE_S
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

# As in the sweep of the load: calls of the writer's own thread, and of any.
OWN = {"mkdir": 5, "write": 9, "fsync": 36, "rename": 5, "unlink": 3}
OTHERS = {"write": 40, "linkat": 5, "unlink": 5, "rename": 3}
EVERY = [
    *[("own", call, nth) for call in OWN for nth in range(1, OWN[call] + 1)],
    *[("any", call, nth) for call in OTHERS for nth in range(1, OTHERS[call] + 1)],
]
SOME = [
    pytest.param("any", "linkat", 1, id="creation"),
    pytest.param("own", "fsync", 15, id="appended, not replaced"),
    pytest.param("own", "fsync", 20, id="replacement visible"),
    pytest.param("own", "unlink", 2, id="half the vacuum"),
]


def killed(tmp_path: Path, thread: str, call: str, nth: int) -> int:
    """Kill the program at one system call, let it run again, and look at the table."""
    root = tmp_path / "warehouse"
    script = ["tests.warehouse.upkeep", str(root)]
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
    assert data == {each.path for each in table.files()}
    assert list(root.rglob("*#*")) == []
    return ended


@pytest.mark.crash
@pytest.mark.parametrize(("thread", "call", "nth"), SOME)
def test_a_killed_writer_can_be_run_again(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    assert killed(tmp_path, thread, call, nth) == -signal.SIGKILL


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize(("thread", "call", "nth"), EVERY, ids=str)
def test_a_writer_killed_anywhere_can_be_run_again(
    tmp_path: Path, thread: str, call: str, nth: int
) -> None:
    killed(tmp_path, thread, call, nth)
