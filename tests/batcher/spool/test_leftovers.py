"""Leftovers of a killed writer are removed; files that a person added stay."""

from pathlib import Path

import pytest

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.spool.segment_files import (
    SETTINGS,
    stored_lines,
)

LANE = "lane-000"


@pytest.fixture
def lane(spool: Spool) -> Lane:
    """Return a lane of the spool."""
    return Lane.open(spool, LANE, SETTINGS)


def test_temporary_files_of_a_killed_writer_are_removed_after_an_hour(
    spool: Spool, lane: Lane, tmp_path: Path
) -> None:
    lane.commit([b"1"], [])
    root = tmp_path / "spool"
    unfinished = [
        root / ".load-plan.json.ab12cd_9",
        root / "quarantine" / ".a.reason.ab12cd_9",
    ]
    draft = root / "lanes" / ".lane-9.0123456789abcdef"
    other_files = [
        root / ".backup" / "x",
        root / "lanes" / ".worker-0" / "x",
        root / "lanes" / ".lane-8.0123456789abcdef" / "x",
        root / ".notes",
    ]
    for path in [*unfinished, *other_files]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    draft.mkdir()
    leftovers = [*unfinished, draft]
    created_s = min(path.stat().st_mtime for path in leftovers)
    spool.remove_leftovers(created_s + 3_599)
    before = [path.exists() for path in leftovers]
    spool.remove_leftovers(created_s + 3_700)

    assert before == [True] * 3
    assert [path.exists() for path in leftovers] == [False] * 3
    assert all(path.exists() for path in other_files)
    lane.seal()
    assert stored_lines(spool) == [b"1"]


@pytest.mark.parametrize("name", ["lane.old", ".lane", "Lane-0", "lane_bak"])
def test_a_directory_with_any_name_under_lanes_is_read(
    spool: Spool, lane: Lane, name: str
) -> None:
    lane.commit([b"1"], [])
    lane.close()
    folder = spool.lane_directory(LANE)
    folder.rename(folder.with_name(name))

    assert [segment.lane for segment in spool.sealed()] == [name]
