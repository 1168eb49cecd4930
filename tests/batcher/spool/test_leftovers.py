"""What a killed writer left goes; what a person put into the spool stays."""

from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.spool.spooled import (
    SETTINGS,
    stored_lines,
)

LANE = "lane-000"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool")


@pytest.fixture
def lane(spool: Spool) -> Lane:
    """Return a lane of that spool."""
    return Lane.open(spool, LANE, SETTINGS)


def test_what_a_killed_writer_left_unnamed_goes_after_an_hour(
    spool: Spool, lane: Lane, tmp_path: Path
) -> None:
    lane.commit([b"1"], [])
    root = tmp_path / "spool"
    unfinished = [
        root / ".load-plan.json.ab12cd_9",
        root / "quarantine" / ".a.reason.ab12cd_9",
    ]
    draft = root / "lanes" / ".lane-9.0123456789abcdef"
    kept = [
        root / ".backup" / "x",
        root / "lanes" / ".worker-0" / "x",
        root / "lanes" / ".lane-8.0123456789abcdef" / "x",
        root / ".notes",
    ]
    for path in [*unfinished, *kept]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    draft.mkdir()
    left = [*unfinished, draft]
    made_s = min(path.stat().st_mtime for path in left)
    spool.remove_leftovers(made_s + 3_599)
    before = [path.exists() for path in left]
    spool.remove_leftovers(made_s + 3_700)

    assert before == [True] * 3
    assert [path.exists() for path in left] == [False] * 3
    assert all(path.exists() for path in kept)
    lane.seal()
    assert stored_lines(spool) == [b"1"]


@pytest.mark.parametrize("name", ["lane.old", ".lane", "Lane-0", "lane_bak"])
def test_a_directory_of_any_name_under_lanes_is_read(
    spool: Spool, lane: Lane, name: str
) -> None:
    lane.commit([b"1"], [])
    lane.close()
    folder = spool.lane_directory(LANE)
    folder.rename(folder.with_name(name))

    assert [each.lane for each in spool.sealed()] == [name]
