"""A writer of a spool, and helpers for tests that copy and restore spools."""

import shutil

import msgspec

from batcher.load.load import load
from batcher.spool.lane import Lane
from batcher.spool.lane_files import Segment
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import SETTINGS, left_over
from tests.batcher.spool.segment_files import SETTINGS as SPOOL_SETTINGS
from tests.warehouse.event_rows import event, lines
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
LANE = "lane-000"


class Writer:
    """Writes a lane, and records the acknowledged events."""

    def __init__(self, spool: Spool, acknowledged: list[str], prefix: str = "") -> None:
        self._lane = Lane.open(spool, LANE, SPOOL_SETTINGS)
        self._acknowledged = acknowledged
        self._prefix = prefix

    def commit(self) -> str:
        """Commit an event; return its path."""
        path = f"/{self._prefix}{len(self._acknowledged)}"
        self._lane.commit(lines([event(path=path)]), [])
        self._acknowledged.append(path)
        return path

    def write_segment(self, groups: int) -> None:
        """Commit *groups* groups of one event, and seal them."""
        for _ in range(groups):
            self.commit()
        self._lane.seal()

    def close(self) -> None:
        """Seal and close the lane."""
        self._lane.close()


def stored_paths(warehouse: Warehouse) -> list[str]:
    """Return the sorted paths of the stored events."""
    return sorted(warehouse.view(EVENTS).read()["path"])


def copy_spool(spool: Spool, name: str) -> Spool:
    """Return a copy of *spool*."""
    folder = spool.directory.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(spool.directory, folder)
    return Spool(folder)


def restore_spool(spool: Spool, backup: Spool) -> None:
    """Replace the files of *spool* by those of *backup*."""
    shutil.rmtree(spool.directory)
    shutil.copytree(backup.directory, spool.directory)


def quarantine_reasons(spool: Spool) -> list[str]:
    """Return the reasons of the segments in quarantine."""
    reasons = []
    for path in spool.quarantined():
        reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())
        reasons.append(",".join(reason["problems"]))
    return reasons


def missing_spans(spool: Spool) -> list[tuple[int, int]]:
    """Return the spans of frames that are recorded as missing."""
    return [
        (span["first"], span["last"])
        for path in spool.quarantine.directory.glob("missing-*.json")
        for span in msgspec.json.decode(path.read_bytes().partition(b"\n")[0])
    ]


def load_all(spool: Spool, warehouse: Warehouse) -> None:
    """Load, and check that nothing is left in the spool."""
    load(spool, warehouse, SETTINGS, NOW_S)
    assert left_over(spool) == []


def write_three_segments(spool: Spool) -> tuple[list[str], list[Segment]]:
    """Write three segments of two groups; return the event paths and the segments."""
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    for _ in range(3):
        writer.write_segment(2)
    writer.close()
    return acknowledged, spool.sealed()
