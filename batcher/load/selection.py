"""The frames of some segments that the table does not have yet.

The table records the highest loaded sequence of each incarnation, and the gaps below
that sequence. A frame that turns up in a gap is loaded under a record of its own.
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
    """The frames to load, and what the table records about each incarnation."""

    groups: list[FrameGroup]
    known: dict[bytes, "_LoadedFrames"]

    def has_same_frames(self, other: "FrameSelection") -> bool:
        """Return whether both selections hold the same frames."""
        return _ids(self.groups) == _ids(other.groups)

    def segments(self, unreadable: Collection[FrameId]) -> frozenset[Segment]:
        """Return the segments of all frames except the *unreadable* ones."""
        return frozenset(group.segment for group in _readable(self.groups, unreadable))

    def record(self, unreadable: Collection[FrameId]) -> FrameRecord:
        """Return the record of a load of all frames except the *unreadable* ones."""
        loaded: dict[bytes, list[int]] = {}
        for group in _readable(self.groups, unreadable):
            for frame in group.frames:
                loaded.setdefault(frame.incarnation, []).append(frame.sequence)
        record = FrameRecord({}, {}, {}, {}, {})
        for incarnation, sequences in loaded.items():
            _add(record, incarnation.hex(), sequences, self.known[incarnation])
        return record


def _ids(groups: Iterable[FrameGroup]) -> list[FrameId]:
    return [frame.id for group in groups for frame in group.frames]


def _readable(
    groups: Iterable[FrameGroup], unreadable: Collection[FrameId]
) -> Iterator[FrameGroup]:
    """Yield *groups* without the *unreadable* frames and without empty groups."""
    for group in groups:
        frames = group.frames
        if unreadable:
            frames = [frame for frame in frames if frame.id not in unreadable]
        if frames:
            yield FrameGroup(group.segment, frames)


def _add(
    record: FrameRecord, incarnation: str, sequences: list[int], known: "_LoadedFrames"
) -> None:
    """Add the *sequences* of *incarnation* to *record*."""
    recorded = known.recorded
    record.recorded[incarnation] = recorded
    new = [sequence for sequence in sequences if sequence > recorded]
    if new:
        record.highest[incarnation] = max(new)
    if missing := gaps(new, recorded):
        record.missing[incarnation] = missing
        record.gaps[incarnation] = known.gap_count()
    if late := [sequence for sequence in sequences if sequence <= recorded]:
        record.late[incarnation] = late


def select_frames(
    contents: Sequence[SegmentContent], table: TableView
) -> FrameSelection:
    """Return the frames of *contents* that *table* does not have, without copies."""
    known: dict[bytes, _LoadedFrames] = {}
    groups: list[FrameGroup] = []
    for content in contents:
        frames = []
        for frame in content.frames:
            loaded = known.get(frame.incarnation)
            if loaded is None:
                loaded = _LoadedFrames(frame.incarnation.hex(), table)
                known[frame.incarnation] = loaded
            if loaded.add(frame.sequence):
                frames.append(frame)
        groups.append(FrameGroup(content.segment, frames))
    return FrameSelection(groups, known)


class _LoadedFrames:
    """The frames of one incarnation that the table has or this load selected."""

    def __init__(self, incarnation: str, table: TableView) -> None:
        self.recorded = table.transaction_version(incarnation) or 0
        self._incarnation = incarnation
        self._table = table
        self._gaps: list[SequenceRange] | None = None
        self._highest = self.recorded
        self._selected: set[int] = set()

    def add(self, sequence: int) -> bool:
        """Select a frame; return False if it is already selected or loaded."""
        if sequence > self._highest:
            self._highest = sequence
        elif sequence in self._selected or self._is_loaded(sequence):
            return False
        self._selected.add(sequence)
        return True

    def gap_count(self) -> int:
        """Return how many gaps the table records."""
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
