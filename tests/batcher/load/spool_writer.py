"""A process that writes a spool, and what tests of a spool's files look at."""

import shutil

import msgspec

from batcher.load.load import load
from batcher.spool.lane import Lane
from batcher.spool.lane_files import Segment
from batcher.spool.spool import Spool
from tests.batcher.load.loads import SETTINGS, left_over
from tests.batcher.spool.spooled import SETTINGS as SPOOL_SETTINGS
from tests.warehouse.event_rows import event, lines
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
LANE = "lane-000"


class Writer:
    """A process that writes a lane, and remembers what was acknowledged."""

    def __init__(self, spool: Spool, acknowledged: list[str], mark: str = "") -> None:
        self._lane = Lane.open(spool, LANE, SPOOL_SETTINGS)
        self._acknowledged = acknowledged
        self._mark = mark

    def commit(self) -> str:
        """Commit an event; return its path."""
        path = f"/{self._mark}{len(self._acknowledged)}"
        self._lane.commit(lines([event(path=path)]), [])
        self._acknowledged.append(path)
        return path

    def segment(self, groups: int) -> None:
        """Commit *groups* and seal them."""
        for _ in range(groups):
            self.commit()
        self._lane.seal()

    def close(self) -> None:
        """Seal and leave."""
        self._lane.close()


def stored(warehouse: Warehouse) -> list[str]:
    """Return the paths of the stored events, sorted."""
    return sorted(warehouse.view(EVENTS).read()["path"])


def copy(spool: Spool, name: str) -> Spool:
    """Return a copy of *spool*."""
    folder = spool.directory.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(spool.directory, folder)
    return Spool(folder)


def restore(spool: Spool, kept: Spool) -> None:
    """Put a copy back in the place of *spool*."""
    shutil.rmtree(spool.directory)
    shutil.copytree(kept.directory, spool.directory)


def reasons(spool: Spool) -> list[str]:
    """Return why segments were set aside."""
    found = []
    for path in spool.quarantined():
        reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())
        found.append(",".join(reason["problems"]))
    return found


def notes(spool: Spool) -> list[tuple[int, int]]:
    """Return the spans of frames that are noted as missing."""
    return [
        (span["first"], span["last"])
        for path in spool.quarantine.directory.glob("missing-*.json")
        for span in msgspec.json.decode(path.read_bytes().partition(b"\n")[0])
    ]


def load_all(spool: Spool, warehouse: Warehouse) -> None:
    """Load, and see that nothing waits any more."""
    load(spool, warehouse, SETTINGS, NOW_S)
    assert left_over(spool) == []


def three_segments(spool: Spool) -> tuple[list[str], list[Segment]]:
    """Return the events of three segments of two groups each, and the segments."""
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    for _ in range(3):
        writer.segment(2)
    writer.close()
    return acknowledged, spool.sealed()
