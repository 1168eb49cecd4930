"""Entries of the spool that no load reads are named, except hidden ones."""

import os
from pathlib import Path

from config.settings import Settings, SpoolSettings, WarehouseSettings
from warehouse.caveats import caveats
from warehouse.clock.believed_clock import Clocks
from warehouse.misplaced import Fault, find_misplaced


def make_spool(folder: Path) -> Path:
    """Return a spool with a valid lane and three misplaced entries."""
    lane = folder / "lanes" / "worker-0"
    lane.mkdir(parents=True)
    for path in (
        lane / "0000000001.segment",
        lane / "owner.lock",
        folder / "lanes" / ".notes",
        folder / "load.lock",
        folder / "0000000002.segment",
        folder / "lanes" / "worker-1",
    ):
        path.touch()
    (lane / "0000000003.open").mkdir()
    return folder


def test_every_misplaced_entry_is_named(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)

    assert [(each.fault, each.path) for each in find_misplaced(spool)] == [
        (Fault.SEGMENT_OUTSIDE_LANE, spool / "0000000002.segment"),
        (Fault.SEGMENT_IS_DIRECTORY, spool / "lanes" / "worker-0" / "0000000003.open"),
        (Fault.LANE_IS_FILE, spool / "lanes" / "worker-1"),
    ]


def test_pipes_and_broken_links_are_misplaced_and_a_link_to_a_lane_is_not(
    tmp_path: Path,
) -> None:
    lanes = tmp_path / "lanes"
    (tmp_path / "elsewhere").mkdir()
    lanes.mkdir()
    os.mkfifo(lanes / "pipe")
    (lanes / "broken").symlink_to(tmp_path / "nothing")
    (lanes / "loop").symlink_to(lanes / "loop")
    (lanes / "linked").symlink_to(tmp_path / "elsewhere")

    assert [each.path.name for each in find_misplaced(tmp_path)] == [
        "broken",
        "loop",
        "pipe",
    ]


def test_without_a_spool_nothing_is_out_of_place(tmp_path: Path) -> None:
    assert find_misplaced(tmp_path / "none") == []


def test_a_misplaced_entry_gives_a_warning_beside_the_figures(tmp_path: Path) -> None:
    spool = make_spool(tmp_path / "spool")
    settings = Settings(
        spool=SpoolSettings(dir=str(spool)),
        warehouse=WarehouseSettings(uri=str(tmp_path / "warehouse")),
    )
    warnings = caveats(settings, Clocks(wall=lambda: 0.0, steady=lambda: 0.0))

    assert warnings[-1] == (
        f"{spool}/lanes/worker-1 is not a directory, so no load reads it: if it is a"
        " segment, move it into a directory under lanes/; else move it away"
    )
