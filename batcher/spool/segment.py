"""The bytes of a segment: a header, then frames with an identity and checksums.

Pure. docs/segment-format.md describes the layout. If a segment is cut at any byte, the
frames before the cut can be read. Changed bits are detected. Each frame names its
writer (the incarnation) and its number among the writer's frames (the sequence). So a
frame is recognised in any file, under any file name. A frame of keys stands before the
other frames of a writer. It names the key of each site that the writer hashes with.

After a damaged range, reading continues at the next byte 1, 2 or 3 where a whole frame
with correct checksums begins. A payload consists of JSON lines, which contain no
control characters, so there are few wrong candidates.
"""

import re
import struct
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from zlib import crc32

import msgspec

MAGIC = b"MILLPOND"
VERSION = 2
INCARNATION_BYTES = 16
_HEADER = struct.Struct("<8sII")
# Kind, incarnation, sequence, rows, length; then the checksum of these fields, and the
# checksum of these fields and the payload.
_HEAD = struct.Struct("<B16sQII")
_FRAME = struct.Struct("<B16sQIIII")
_CHECKSUMS = struct.Struct("<II")
# Sequences of frames with rows begin at 1, so a frame of keys leaves no gap.
_KEYS_SEQUENCE = 0
HEADER_BYTES = _HEADER.size
FRAME_HEADER_BYTES = _FRAME.size


class FrameKind(IntEnum):
    """The kind of rows in a frame."""

    EVENTS = 1
    DROPS = 2
    KEYS = 3


_KINDS = {kind.value: kind for kind in FrameKind}
_FRAME_START = re.compile(b"[\x01\x02\x03]")


class SegmentProblem(StrEnum):
    """A problem of a segment."""

    EMPTY = "empty"
    NOT_A_SEGMENT = "not_a_segment"
    UNKNOWN_VERSION = "unknown_version"
    TORN_TAIL = "torn_tail"
    BAD_CHECKSUM = "bad_checksum"


class FrameId(msgspec.Struct, frozen=True):
    """The identity of a frame: frames with different content never share it."""

    incarnation: bytes
    sequence: int


class Frame(msgspec.Struct, frozen=True):
    """Rows that became durable together; *payload* is JSON lines, not copied."""

    kind: FrameKind
    incarnation: bytes
    sequence: int
    rows: int
    payload: memoryview

    @property
    def id(self) -> FrameId:
        """Return the identity of the frame."""
        return FrameId(self.incarnation, self.sequence)


class DamagedRange(msgspec.Struct, frozen=True):
    """A range of a segment that cannot be read."""

    problem: SegmentProblem
    offset: int
    size_bytes: int


class Frames(msgspec.Struct, frozen=True):
    """The readable frames of a segment, in order, and its damaged ranges.

    *good_length* is the length of the undamaged beginning. *keys* holds for each writer
    the commitments to the keys that its rows were hashed with, by site. Writers whose
    frame of keys is missing or damaged are not in *keys*.
    """

    frames: list[Frame]
    damage: list[DamagedRange]
    good_length: int
    keys: dict[bytes, dict[str, str]] = msgspec.field(default_factory=dict)

    @property
    def problem(self) -> SegmentProblem | None:
        """Return the first problem, None for a sound segment."""
        return self.damage[0].problem if self.damage else None

    @property
    def is_torn(self) -> bool:
        """Return whether only the end is missing, as after a crash."""
        return [damaged.problem for damaged in self.damage] in (
            [SegmentProblem.TORN_TAIL],
            [SegmentProblem.EMPTY],
        )


def encode_header() -> bytes:
    """Return the first bytes of every segment."""
    return _HEADER.pack(MAGIC, VERSION, 0)


def encode_frame_header(
    kind: FrameKind, frame: FrameId, rows: int, payload: bytes | memoryview
) -> bytes:
    """Return the header of the frame with *payload*."""
    head = _HEAD.pack(kind, frame.incarnation, frame.sequence, rows, len(payload))
    checksum = crc32(head)
    return head + _CHECKSUMS.pack(checksum, crc32(payload, checksum))


def encode_keys(incarnation: bytes, keys: Mapping[str, str]) -> bytes:
    """Return the frame of keys of the writer *incarnation*, by site."""
    payload = msgspec.json.encode(keys, order="sorted")
    frame = FrameId(incarnation, _KEYS_SEQUENCE)
    return encode_frame_header(FrameKind.KEYS, frame, len(keys), payload) + payload


def read_frames(content: bytes) -> Frames:
    """Read all readable frames, also those after a damaged range."""
    problem = _header_problem(content)
    if problem in (
        SegmentProblem.EMPTY,
        SegmentProblem.UNKNOWN_VERSION,
        SegmentProblem.TORN_TAIL,
    ):
        return Frames([], [DamagedRange(problem, 0, len(content))], 0)
    if problem is None:
        return _read(content, HEADER_BYTES, [])
    start = _next_frame(content, 0)
    return _read(content, start, [DamagedRange(problem, 0, start)], good_length=0)


def _header_problem(content: bytes) -> SegmentProblem | None:
    if not content:
        return SegmentProblem.EMPTY
    if len(content) < HEADER_BYTES:
        is_cut = encode_header().startswith(content) or not any(content)
        return SegmentProblem.TORN_TAIL if is_cut else SegmentProblem.NOT_A_SEGMENT
    if content.startswith(encode_header()):
        return None
    if not any(content):
        return SegmentProblem.TORN_TAIL
    has_magic = content.startswith(MAGIC)
    return SegmentProblem.UNKNOWN_VERSION if has_magic else SegmentProblem.NOT_A_SEGMENT


def _read(
    content: bytes,
    offset: int,
    damage: list[DamagedRange],
    good_length: int | None = None,
) -> Frames:
    frames: list[Frame] = []
    keys: dict[bytes, dict[str, str]] = {}
    while offset < len(content):
        frame = _frame_at(content, offset)
        if frame is not None:
            if frame.kind is FrameKind.KEYS:
                keys |= _decode_keys(frame)
            else:
                frames.append(frame)
            offset += FRAME_HEADER_BYTES + len(frame.payload)
            continue
        if good_length is None:
            good_length = offset
        end = _next_frame(content, offset + 1)
        damage.append(
            DamagedRange(_problem_at(content, offset, end), offset, end - offset)
        )
        offset = end
    good_length = offset if good_length is None else good_length
    return Frames(frames, damage, good_length, keys)


def _decode_keys(frame: Frame) -> dict[bytes, dict[str, str]]:
    """Return the keys in *frame* by its writer; nothing if they cannot be decoded."""
    try:
        keys = msgspec.json.decode(frame.payload, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError):
        return {}
    return {frame.incarnation: keys}


def _frame_at(content: bytes, offset: int) -> Frame | None:
    """Return the frame that begins at *offset*, None if none does."""
    start = offset + FRAME_HEADER_BYTES
    if start > len(content):
        return None
    number, incarnation, sequence, rows, length, head_checksum, checksum = (
        _FRAME.unpack_from(content, offset)
    )
    kind = _KINDS.get(number)
    if kind is None or start + length > len(content):
        return None
    if not _has_sound_head(content, offset, head_checksum):
        return None
    payload = memoryview(content)[start : start + length]
    if crc32(payload, head_checksum) != checksum:
        return None
    return Frame(kind, incarnation, sequence, rows, payload)


def _has_sound_head(content: bytes, offset: int, checksum: int) -> bool:
    return crc32(content[offset : offset + _HEAD.size]) == checksum


def _next_frame(content: bytes, offset: int) -> int:
    """Return the offset of the next readable frame, or the end of *content*."""
    for match in _FRAME_START.finditer(content, offset):
        if _frame_at(content, match.start()) is not None:
            return match.start()
    return len(content)


def _problem_at(content: bytes, offset: int, end: int) -> SegmentProblem:
    """Return ``TORN_TAIL`` for a write that was cut short, else ``BAD_CHECKSUM``."""
    if end < len(content):
        return SegmentProblem.BAD_CHECKSUM
    rest = content[offset:]
    if not any(rest):
        # A power loss can leave the length of a write without its bytes.
        return SegmentProblem.TORN_TAIL
    if len(rest) < FRAME_HEADER_BYTES:
        return (
            SegmentProblem.TORN_TAIL
            if rest[0] in _KINDS
            else SegmentProblem.BAD_CHECKSUM
        )
    number, _, _, _, length, head_checksum, _ = _FRAME.unpack_from(rest)
    # The length is used only if the header is sound. A changed bit in the length would
    # make a complete, acknowledged frame look unfinished.
    is_cut = (
        number in _KINDS
        and _has_sound_head(rest, 0, head_checksum)
        and FRAME_HEADER_BYTES + length > len(rest)
    )
    return SegmentProblem.TORN_TAIL if is_cut else SegmentProblem.BAD_CHECKSUM
