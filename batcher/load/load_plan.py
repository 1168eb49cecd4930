"""What a load is about to commit, kept beside the spool to outlive its own death."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from batcher.load.missing_frames import FrameRecord, SequenceRange, spans_of
from batcher.load.read_segments import SegmentContent
from batcher.spool.segment import Frame, read_frames
from warehouse.schema import Drop
from warehouse.tables import TableView

# All loads share it, so that of two at once, also from different spools, one fails
# and looks for duplicates again.
LOAD_APP = "load"
RANDOM_BITS = 20


class PlannedSegment(msgspec.Struct, frozen=True):
    """A segment that may be removed: its lane, its file's name, and all its frames."""

    lane: str
    name: str
    frames: dict[str, list[SequenceRange]]

    def is_at(self, path: Path) -> bool:
        """Return whether the file at *path* holds these frames and nothing else."""
        try:
            read = read_frames(path.read_bytes())
        except FileNotFoundError:
            return False
        return not read.damage and spans_by_incarnation(read.frames) == self.frames


class LoadPlan(msgspec.Struct, frozen=True):
    """One batch: its *token* is recorded with its events, and no other load has it."""

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
        # Another spool was loaded since: its record covers the token.
        return all(
            (events.transaction_version(app) or 0) >= number
            for app, number in self.entry.transactions.items()
        )


def next_token(version: int, random: int) -> int:
    """Return the token of a plan made on *version* of the table.

    Tokens grow with the version; *random*, of ``RANDOM_BITS``, tells apart two loads
    that plan on the same one.
    """
    return (version + 1) << RANDOM_BITS | random


def planned(contents: Iterable[SegmentContent]) -> list[PlannedSegment]:
    """Return the sound segments *contents* as a plan names them."""
    return [
        PlannedSegment(
            content.segment.lane,
            content.segment.path.name,
            spans_by_incarnation(content.frames),
        )
        for content in contents
    ]


def spans_by_incarnation(frames: Iterable[Frame]) -> dict[str, list[SequenceRange]]:
    """Return the sequences of *frames* by incarnation, as hex."""
    sequences: dict[bytes, list[int]] = {}
    for frame in frames:
        sequences.setdefault(frame.incarnation, []).append(frame.sequence)
    return {each.hex(): spans_of(found) for each, found in sequences.items()}
