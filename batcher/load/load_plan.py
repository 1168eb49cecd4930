"""The plan of a load: what it is about to commit, stored beside the spool.

The plan is durable, so that the next load can finish it after a crash.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from batcher.load.missing_frames import FrameRecord, SequenceRange, spans_of
from batcher.load.read_segments import SegmentContent
from batcher.spool.segment import Frame, read_frames
from warehouse.schema import Drop
from warehouse.tables import TableView

# All loads share this name. So one of two concurrent loads fails, even if they load
# different spools, and searches for duplicates again.
LOAD_APP = "load"
RANDOM_BITS = 20


class PlannedSegment(msgspec.Struct, frozen=True):
    """A segment that may be removed: its lane, its file name and all its frames."""

    lane: str
    name: str
    frames: dict[str, list[SequenceRange]]

    def is_at(self, path: Path) -> bool:
        """Return whether the file at *path* holds exactly these frames."""
        try:
            decoded = read_frames(path.read_bytes())
        except FileNotFoundError:
            return False
        is_sound = not decoded.damage
        return is_sound and spans_by_incarnation(decoded.frames) == self.frames


class LoadPlan(msgspec.Struct, frozen=True):
    """The plan of one batch.

    The events are committed with *token*, which no other plan has. *entry* is the
    record of the frames.
    """

    token: int
    entry: FrameRecord
    segments: list[PlannedSegment]
    drops: list[Drop]

    @property
    def transactions(self) -> dict[str, int]:
        """Return what the commit of the events records."""
        frames = {**self.entry.transactions, **self.entry.gap_transactions}
        return {**frames, LOAD_APP: self.token}

    def is_committed(self, events: TableView) -> bool:
        """Return whether the batch is in the table *events*."""
        newest = events.transaction_version(LOAD_APP) or 0
        if newest <= self.token:
            return newest == self.token
        # A later load of another spool recorded a newer token.
        return all(
            (events.transaction_version(app) or 0) >= number
            for app, number in self.entry.transactions.items()
        )


def next_token(version: int, random: int) -> int:
    """Return the token of a plan that is made on *version* of the table.

    Tokens grow with the version. *random* has ``RANDOM_BITS`` bits, so that two loads
    that plan on the same version have different tokens.
    """
    return (version + 1) << RANDOM_BITS | random


def planned_segments(contents: Iterable[SegmentContent]) -> list[PlannedSegment]:
    """Return the sound segments *contents* in the form that a plan stores."""
    return [
        PlannedSegment(
            content.segment.lane,
            content.segment.path.name,
            spans_by_incarnation(content.frames),
        )
        for content in contents
    ]


def spans_by_incarnation(frames: Iterable[Frame]) -> dict[str, list[SequenceRange]]:
    """Return the sequences of *frames* by incarnation in hexadecimal."""
    sequences: dict[bytes, list[int]] = {}
    for frame in frames:
        sequences.setdefault(frame.incarnation, []).append(frame.sequence)
    return {
        incarnation.hex(): spans_of(numbers)
        for incarnation, numbers in sequences.items()
    }
