"""Sealed segments to frames of the tables; what cannot be read is named, not guessed.

Every frame stands alone: one that is damaged, or whose rows are not what their table
holds, is lost by itself, and all others of its segment are kept.
"""

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from batcher.segment import Frame, Kind, read_frames
from batcher.spool import Segment
from config.errors import MillpondError
from warehouse.dtypes import FrameError, check_frame, from_spool, spool_schema
from warehouse.schema import DROPS, EVENTS, Table

_TABLES: dict[Kind, Table] = {Kind.EVENTS: EVENTS, Kind.DROPS: DROPS}
_BAD_ROWS = "bad_rows"


class UnreadableRowsError(MillpondError):
    """The rows of a frame are not those of its table."""


class Loss(msgspec.Struct, frozen=True):
    """What of a segment cannot be read; *rows* is what its frames said they held."""

    problem: str
    size_bytes: int
    offset: int | None = None
    rows: int | None = None


class Batch(msgspec.Struct, frozen=True):
    """Segments as frames of their tables, and what of them could not be read."""

    segments: list[Segment]
    events: pl.DataFrame
    drops: pl.DataFrame
    losses: dict[Segment, list[Loss]]


def read_segments(segments: Sequence[Segment]) -> Batch:
    """Return all that can be read of *segments*, in their order."""
    losses: dict[Segment, list[Loss]] = {}
    frames: dict[Kind, list[tuple[Segment, Frame]]] = {kind: [] for kind in Kind}
    for segment in segments:
        read = read_frames(segment.path.read_bytes())
        for frame in read.frames:
            frames[frame.kind].append((segment, frame))
        for each in read.damage:
            loss = Loss(each.problem, each.size_bytes, offset=each.offset)
            losses.setdefault(segment, []).append(loss)
    events, drops = (_read_kind(kind, frames[kind], losses) for kind in Kind)
    return Batch(list(segments), events, drops, losses)


def _read_kind(
    kind: Kind,
    found: list[tuple[Segment, Frame]],
    losses: dict[Segment, list[Loss]],
) -> pl.DataFrame:
    table = _TABLES[kind]
    try:
        return _rows(table, (frame for _, frame in found))
    except UnreadableRowsError:
        readable = []
    for segment, frame in found:
        try:
            _rows(table, [frame])
        except UnreadableRowsError:
            loss = Loss(_BAD_ROWS, len(frame.payload), rows=frame.rows)
            losses.setdefault(segment, []).append(loss)
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
