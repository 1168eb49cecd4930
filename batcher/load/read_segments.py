"""Sealed segments to frames of the tables; what cannot be read is named, not guessed.

Every frame stands alone: one that is damaged, or whose rows are not what their table
holds, is lost by itself, and all others of its segment are kept.
"""

import itertools
from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from batcher.spool.lane_files import Segment
from batcher.spool.segment import (
    DamagedRange,
    Frame,
    FrameId,
    FrameKind,
    SegmentProblem,
    read_frames,
)
from config.errors import MillpondError
from warehouse.dtypes import FrameError, check_frame, from_spool, spool_schema
from warehouse.schema import DROPS, EVENTS, Table

_TABLES: dict[FrameKind, Table] = {FrameKind.EVENTS: EVENTS, FrameKind.DROPS: DROPS}
_BAD_ROWS = "bad_rows"


class UnreadableRowsError(MillpondError):
    """The rows of a frame are not those of its table."""


class SegmentLoss(msgspec.Struct, frozen=True):
    """What of a segment cannot be read; *rows* is what its frames said they held."""

    problem: str
    size_bytes: int
    offset: int | None = None
    rows: int | None = None


class SegmentContent(msgspec.Struct, frozen=True):
    """A segment as it was read, before its rows are; *keys* as in ``Frames``."""

    segment: Segment
    frames: list[Frame]
    losses: list[SegmentLoss]
    keys: dict[bytes, dict[str, str]]


class FrameGroup(msgspec.Struct, frozen=True):
    """Some frames of a segment."""

    segment: Segment
    frames: Sequence[Frame]


class Batch(msgspec.Struct, frozen=True):
    """The rows of frames, and what of them could not be read."""

    events: pl.DataFrame
    drops: pl.DataFrame
    losses: dict[Segment, list[SegmentLoss]]
    unreadable: frozenset[FrameId]


def read_contents(segments: Iterable[Segment]) -> list[SegmentContent]:
    """Read the frames of *segments*."""
    found = []
    for segment in segments:
        read = read_frames(segment.path.read_bytes())
        losses = [_loss(damage) for damage in read.damage]
        if not read.frames and not losses:
            # Nobody seals a segment without frames: it lost them.
            losses.append(SegmentLoss(SegmentProblem.EMPTY, segment.size_bytes))
        found.append(SegmentContent(segment, read.frames, losses, read.keys))
    return found


def _loss(damage: DamagedRange) -> SegmentLoss:
    return SegmentLoss(damage.problem, damage.size_bytes, offset=damage.offset)


def read_segments(segments: Iterable[Segment]) -> Batch:
    """Return all that can be read of *segments*, in their order."""
    contents = read_contents(segments)
    return read_rows([FrameGroup(each.segment, each.frames) for each in contents])


def read_rows(groups: Sequence[FrameGroup]) -> Batch:
    """Return the rows of all frames, in their order."""
    lost: list[tuple[Segment, Frame]] = []
    events, drops = (_read_kind(kind, groups, lost) for kind in _TABLES)
    losses: dict[Segment, list[SegmentLoss]] = {}
    for segment, frame in lost:
        loss = SegmentLoss(_BAD_ROWS, len(frame.payload), rows=frame.rows)
        losses.setdefault(segment, []).append(loss)
    return Batch(events, drops, losses, frozenset(frame.id for _, frame in lost))


def _read_kind(
    kind: FrameKind, groups: Sequence[FrameGroup], lost: list[tuple[Segment, Frame]]
) -> pl.DataFrame:
    """Return the rows of *kind*; add the frames that cannot be read to *lost*."""
    table = _TABLES[kind]
    found = [
        [frame for frame in group.frames if frame.kind is kind] for group in groups
    ]
    try:
        return _rows(table, itertools.chain.from_iterable(found))
    except UnreadableRowsError:
        readable = []
    for group, frames in zip(groups, found, strict=True):
        for frame in frames:
            try:
                _rows(table, [frame])
            except UnreadableRowsError:
                lost.append((group.segment, frame))
            else:
                readable.append(frame)
    return _rows(table, readable)


def _schema(table: Table, text: bytes) -> pl.Schema:
    """Return what to read: all columns but the nested ones that never occur.

    Asking for a nested column costs a fifth of the reading, even if no row has it.
    """
    return pl.Schema(
        {
            name: dtype
            for name, dtype in spool_schema(table.row).items()
            if not dtype.is_nested() or f'"{name}"'.encode() in text
        }
    )


def _rows(table: Table, frames: Iterable[Frame]) -> pl.DataFrame:
    """Return the rows of *frames*, all of them right, or raise."""
    taken = list(frames)
    text = b"\n".join(frame.payload for frame in taken)
    try:
        read = pl.read_ndjson(
            text, schema=_schema(table, text), credential_provider=None
        )
        rows = from_spool(read, table.row)
        check_frame(rows, table)
    except (pl.exceptions.PolarsError, FrameError):
        # Their texts quote rows.
        raise UnreadableRowsError(f"read rows of {table.name}") from None
    if rows.height != sum(frame.rows for frame in taken):
        raise UnreadableRowsError(f"read rows of {table.name}")
    return rows
