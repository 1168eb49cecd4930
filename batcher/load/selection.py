"""Which frames of some segments are to be loaded: each that the table does not have.

The table records, for each incarnation, the highest sequence loaded, and the gaps
below it. A frame of a gap that turns up is loaded under a record of its own.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from batcher.load.missing_frames import (
    FrameRecord,
    SequenceRange,
    gap_count,
    gaps,
    late_app,
    recorded_gaps,
)
from batcher.load.read_segments import FrameGroup, SegmentContent
from batcher.spool.lane_files import Segment
from batcher.spool.segment import FrameId
from warehouse.tables import TableView


class FrameSelection(msgspec.Struct, frozen=True):
    """The frames to load, and what the table records of each incarnation."""

    groups: list[FrameGroup]
    known: dict[bytes, "_LoadedFrames"]

    def is_as(self, other: "FrameSelection") -> bool:
        """Return whether both are of the same frames."""
        return _ids(self.groups) == _ids(other.groups)

    def segments(self, unreadable: Collection[FrameId]) -> frozenset[Segment]:
        """Return the segments of all frames but the *unreadable*."""
        return frozenset(group.segment for group in _readable(self.groups, unreadable))

    def entry(self, unreadable: Collection[FrameId]) -> FrameRecord:
        """Return what to record once all frames but the *unreadable* are loaded."""
        taken: dict[bytes, list[int]] = {}
        for group in _readable(self.groups, unreadable):
            for frame in group.frames:
                taken.setdefault(frame.incarnation, []).append(frame.sequence)
        entry = FrameRecord({}, {}, {}, {}, {})
        for incarnation, sequences in taken.items():
            _add(entry, incarnation.hex(), sequences, self.known[incarnation])
        return entry


def _ids(groups: Iterable[FrameGroup]) -> list[FrameId]:
    return [frame.id for group in groups for frame in group.frames]


def _readable(
    groups: Iterable[FrameGroup], unreadable: Collection[FrameId]
) -> Iterator[FrameGroup]:
    """Yield *groups* without the *unreadable* frames, and no empty ones."""
    for group in groups:
        frames = group.frames
        if unreadable:
            frames = [frame for frame in frames if frame.id not in unreadable]
        if frames:
            yield FrameGroup(group.segment, frames)


def _add(
    entry: FrameRecord, incarnation: str, sequences: list[int], known: "_LoadedFrames"
) -> None:
    recorded = known.recorded
    entry.recorded[incarnation] = recorded
    new = [sequence for sequence in sequences if sequence > recorded]
    if new:
        entry.highest[incarnation] = max(new)
    if missing := gaps(new, recorded):
        entry.missing[incarnation] = missing
        entry.gaps[incarnation] = known.gap_count()
    if late := [sequence for sequence in sequences if sequence <= recorded]:
        entry.late[incarnation] = late


def select(contents: Sequence[SegmentContent], table: TableView) -> FrameSelection:
    """Return the frames of *contents* that *table* does not have, each once."""
    known: dict[bytes, _LoadedFrames] = {}
    groups: list[FrameGroup] = []
    for content in contents:
        frames = []
        for frame in content.frames:
            of = known.get(frame.incarnation)
            if of is None:
                of = _LoadedFrames(frame.incarnation.hex(), table)
                known[frame.incarnation] = of
            if of.take(frame.sequence):
                frames.append(frame)
        groups.append(FrameGroup(content.segment, frames))
    return FrameSelection(groups, known)


class _LoadedFrames:
    """What is loaded of one incarnation, or taken by this load."""

    def __init__(self, incarnation: str, table: TableView) -> None:
        self.recorded = table.transaction_version(incarnation) or 0
        self._incarnation = incarnation
        self._table = table
        self._gaps: list[SequenceRange] | None = None
        self._highest = self.recorded
        self._taken: set[int] = set()

    def take(self, sequence: int) -> bool:
        """Take a frame; return False if it is taken or loaded already."""
        if sequence > self._highest:
            self._highest = sequence
        elif sequence in self._taken or self._is_loaded(sequence):
            return False
        self._taken.add(sequence)
        return True

    def gap_count(self) -> int:
        """Return how many gaps are recorded."""
        return gap_count(self._table, self._incarnation)

    def _is_loaded(self, sequence: int) -> bool:
        return sequence <= self.recorded and not self._is_missing(sequence)

    def _is_missing(self, sequence: int) -> bool:
        if self._gaps is None:
            self._gaps = recorded_gaps(self._table, self._incarnation)
        if not any(sequence in span for span in self._gaps):
            return False
        app = late_app(self._incarnation, sequence)
        return self._table.transaction_version(app) is None
