"""Sealed segments to frames of the tables; what cannot be read is reported as a loss.

Frames are independent. If a frame is damaged, or its rows do not match their table,
only that frame is lost. All other frames of the segment are loaded.
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
    """The rows of a frame do not match its table."""


class SegmentLoss(msgspec.Struct, frozen=True):
    """A part of a segment that cannot be read; *rows* is the frame's own count."""

    problem: str
    size_bytes: int
    offset: int | None = None
    rows: int | None = None


class SegmentContent(msgspec.Struct, frozen=True):
    """The frames of a segment, before their rows are read; *keys* as in ``Frames``."""

    segment: Segment
    frames: list[Frame]
    losses: list[SegmentLoss]
    keys: dict[bytes, dict[str, str]]


class FrameGroup(msgspec.Struct, frozen=True):
    """Some frames of a segment."""

    segment: Segment
    frames: Sequence[Frame]


class Batch(msgspec.Struct, frozen=True):
    """The rows of some frames, and the frames that could not be read."""

    events: pl.DataFrame
    drops: pl.DataFrame
    losses: dict[Segment, list[SegmentLoss]]
    unreadable: frozenset[FrameId]


def read_contents(segments: Iterable[Segment]) -> list[SegmentContent]:
    """Read the frames of *segments*."""
    contents = []
    for segment in segments:
        decoded = read_frames(segment.path.read_bytes())
        losses = [_loss(damage) for damage in decoded.damage]
        if not decoded.frames and not losses:
            # A writer never seals a segment without frames, so frames were lost.
            losses.append(SegmentLoss(SegmentProblem.EMPTY, segment.size_bytes))
        contents.append(SegmentContent(segment, decoded.frames, losses, decoded.keys))
    return contents


def _loss(damage: DamagedRange) -> SegmentLoss:
    return SegmentLoss(damage.problem, damage.size_bytes, offset=damage.offset)


def read_segments(segments: Iterable[Segment]) -> Batch:
    """Return all readable rows of *segments*, in the order of *segments*."""
    contents = read_contents(segments)
    return read_rows(
        [FrameGroup(content.segment, content.frames) for content in contents]
    )


def read_rows(groups: Sequence[FrameGroup]) -> Batch:
    """Return the rows of all frames, in the order of the frames."""
    unreadable: list[tuple[Segment, Frame]] = []
    events, drops = (_read_kind(kind, groups, unreadable) for kind in _TABLES)
    losses: dict[Segment, list[SegmentLoss]] = {}
    for segment, frame in unreadable:
        loss = SegmentLoss(_BAD_ROWS, len(frame.payload), rows=frame.rows)
        losses.setdefault(segment, []).append(loss)
    ids = frozenset(frame.id for _, frame in unreadable)
    return Batch(events, drops, losses, ids)


def _read_kind(
    kind: FrameKind,
    groups: Sequence[FrameGroup],
    unreadable: list[tuple[Segment, Frame]],
) -> pl.DataFrame:
    """Return the rows of *kind*; add frames that cannot be read to *unreadable*."""
    table = _TABLES[kind]
    frames_of_kind = [
        [frame for frame in group.frames if frame.kind is kind] for group in groups
    ]
    try:
        return _rows(table, itertools.chain.from_iterable(frames_of_kind))
    except UnreadableRowsError:
        readable = []
    for group, frames in zip(groups, frames_of_kind, strict=True):
        for frame in frames:
            try:
                _rows(table, [frame])
            except UnreadableRowsError:
                unreadable.append((group.segment, frame))
            else:
                readable.append(frame)
    return _rows(table, readable)


def _schema(table: Table, text: bytes) -> pl.Schema:
    """Return the columns to read: all except nested ones that *text* does not contain.

    A nested column in the schema adds a fifth to the read time, even if no row has it.
    """
    return pl.Schema(
        {
            name: dtype
            for name, dtype in spool_schema(table.row).items()
            if not dtype.is_nested() or f'"{name}"'.encode() in text
        }
    )


def _rows(table: Table, frames: Iterable[Frame]) -> pl.DataFrame:
    """Return the rows of *frames*; raise if any row is wrong or missing."""
    frames = list(frames)
    text = b"\n".join(frame.payload for frame in frames)
    try:
        parsed = pl.read_ndjson(
            text, schema=_schema(table, text), credential_provider=None
        )
        rows = from_spool(parsed, table.row)
        check_frame(rows, table)
    except (pl.exceptions.PolarsError, FrameError):
        # The texts of these errors quote rows.
        raise UnreadableRowsError(f"read rows of {table.name}") from None
    if rows.height != sum(frame.rows for frame in frames):
        raise UnreadableRowsError(f"read rows of {table.name}")
    return rows
