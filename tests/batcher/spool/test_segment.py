"""Segments can be read back; a cut gives a prefix; every changed bit is found."""

from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batcher.spool.segment import (
    FRAME_HEADER_BYTES,
    HEADER_BYTES,
    DamagedRange,
    Frame,
    FrameId,
    FrameKind,
    SegmentProblem,
    encode_header,
    encode_keys,
    read_frames,
)
from tests.batcher.spool.frames import encode_frame
from tests.batcher.spool.make_segments import FOLDER, WRITER, corpus

_CHARACTERS = st.characters(min_codepoint=32, exclude_categories=["Cs"])
_LINES = st.lists(
    st.text(_CHARACTERS, min_size=1, max_size=40).map(str.encode),
    min_size=1,
    max_size=3,
)
_FRAMES = st.lists(
    st.tuples(st.sampled_from([FrameKind.EVENTS, FrameKind.DROPS]), _LINES), max_size=5
)
Content = list[tuple[FrameKind, list[bytes]]]


def encode_content(content: Content) -> list[bytes]:
    """Return *content* as frames."""
    return [
        encode_frame(kind, FrameId(WRITER, sequence), len(lines), b"\n".join(lines))
        for sequence, (kind, lines) in enumerate(content, 1)
    ]


def decode_content(frames: list[Frame]) -> Content:
    """Return the content of *frames*."""
    return [(frame.kind, bytes(frame.payload).split(b"\n")) for frame in frames]


@given(_FRAMES)
def test_a_segment_can_be_read_back(content: Content) -> None:
    segment = encode_header() + b"".join(encode_content(content))
    result = read_frames(segment)

    assert decode_content(result.frames) == content
    assert [frame.rows for frame in result.frames] == [
        len(lines) for _, lines in content
    ]
    assert [frame.id for frame in result.frames] == [
        FrameId(WRITER, sequence) for sequence in range(1, len(content) + 1)
    ]
    assert result.damage == []
    assert result.good_length == len(segment)


@given(_FRAMES, st.data())
def test_any_cut_gives_a_prefix_and_is_torn(
    content: Content, data: st.DataObject
) -> None:
    frames = encode_content(content)
    segment = encode_header() + b"".join(frames)
    length = data.draw(st.integers(0, len(segment)))
    ends = list(accumulate(map(len, frames), initial=HEADER_BYTES))
    complete_ends = [end for end in ends if end <= length]
    result = read_frames(segment[:length])

    assert decode_content(result.frames) == content[: max(0, len(complete_ends) - 1)]
    assert result.is_torn == (length not in ends)
    assert result.good_length == (complete_ends[-1] if complete_ends else 0)


def test_any_cut_of_a_segment_with_keys_is_torn_and_gives_a_prefix() -> None:
    keys = encode_keys(WRITER, {"shop": "5" * 64})
    frames = encode_content([(FrameKind.EVENTS, [b"{}"])] * 2)
    segment = encode_header() + keys + b"".join(frames)
    ends = [*accumulate(map(len, [keys, *frames]), initial=HEADER_BYTES)]
    for length in range(len(segment)):
        result = read_frames(segment[:length])
        complete_ends = [end for end in ends if end <= length]

        assert len(result.frames) == max(0, len(complete_ends) - 2)
        assert bool(result.keys) == (length >= ends[1])
        assert result.is_torn == (length not in ends)
        assert result.good_length == (complete_ends[-1] if complete_ends else 0)


def test_a_changed_bit_in_the_keys_loses_no_row_and_gives_no_key() -> None:
    keys = encode_keys(WRITER, {"shop": "5" * 64})
    content: Content = [(FrameKind.EVENTS, [b"{}"])]
    segment = encode_header() + keys + b"".join(encode_content(content))
    for bit in range(HEADER_BYTES * 8, (HEADER_BYTES + len(keys)) * 8):
        flipped = bytearray(segment)
        flipped[bit // 8] ^= 1 << bit % 8
        result = read_frames(bytes(flipped))

        assert (decode_content(result.frames), result.keys) == (content, {})
        assert result.problem == SegmentProblem.BAD_CHECKSUM


def test_keys_that_are_no_object_give_no_key() -> None:
    payload = b"[1]"
    frame = encode_frame(FrameKind.KEYS, FrameId(WRITER, 0), 1, payload)
    result = read_frames(encode_header() + frame)

    assert (result.frames, result.keys, result.damage) == ([], {}, [])


@given(_FRAMES.filter(bool), st.data())
def test_any_changed_bit_is_found_and_loses_one_frame(
    content: Content, data: st.DataObject
) -> None:
    frames = encode_content(content)
    segment = bytearray(encode_header() + b"".join(frames))
    bit = data.draw(st.integers(HEADER_BYTES * 8, len(segment) * 8 - 1))
    segment[bit // 8] ^= 1 << bit % 8
    ends = accumulate(map(len, frames), initial=HEADER_BYTES)
    damaged_index = sum(end <= bit // 8 for end in ends) - 1
    result = read_frames(bytes(segment))

    assert (
        decode_content(result.frames)
        == content[:damaged_index] + content[damaged_index + 1 :]
    )
    # As a torn end, recovery would cut off an acknowledged frame.
    assert result.problem == SegmentProblem.BAD_CHECKSUM
    assert sum(damage.size_bytes for damage in result.damage) == len(
        frames[damaged_index]
    )


@given(_FRAMES, st.integers(0, HEADER_BYTES * 8 - 1))
def test_a_changed_bit_in_the_header_is_found(content: Content, bit: int) -> None:
    segment = bytearray(encode_header() + b"".join(encode_content(content)))
    segment[bit // 8] ^= 1 << bit % 8
    result = read_frames(bytes(segment))

    if bit // 8 < 8:
        assert result.problem == SegmentProblem.NOT_A_SEGMENT
        assert decode_content(result.frames) == content
    else:
        assert result.problem == SegmentProblem.UNKNOWN_VERSION
        assert result.frames == []


@given(_FRAMES, st.integers(1, 64))
def test_zeros_at_the_end_count_as_a_torn_write(content: Content, zeros: int) -> None:
    segment = encode_header() + b"".join(encode_content(content))
    result = read_frames(segment + bytes(zeros))

    assert decode_content(result.frames) == content
    assert result.is_torn
    assert result.good_length == len(segment)


@given(st.binary(max_size=200))
@example(b"\x01" * 40)
@example(encode_header() + b"\x01" + bytes(28) + b"\xff" * 4 + bytes(8))
def test_all_bytes_are_frames_or_reported_damage(content: bytes) -> None:
    result = read_frames(content)
    framed = sum(FRAME_HEADER_BYTES + len(frame.payload) for frame in result.frames)
    lost = sum(damage.size_bytes for damage in result.damage)

    assert framed + lost in (len(content), len(content) - HEADER_BYTES)


@pytest.mark.parametrize(
    ("name", "rows", "problem"),
    [
        pytest.param("ok", [2, 1, 1], None, id="ok"),
        pytest.param("keys", [2, 1, 1], None, id="keys"),
        pytest.param("torn-tail", [2, 1], SegmentProblem.TORN_TAIL, id="torn tail"),
        pytest.param(
            "bad-checksum", [2, 1], SegmentProblem.BAD_CHECKSUM, id="bad checksum"
        ),
        pytest.param(
            "unknown-version", [], SegmentProblem.UNKNOWN_VERSION, id="unknown version"
        ),
        pytest.param("empty", [], SegmentProblem.EMPTY, id="empty"),
    ],
)
def test_the_corpus_is_read_as_before(
    name: str, rows: list[int], problem: SegmentProblem | None
) -> None:
    content = (FOLDER / f"{name}.segment").read_bytes()
    result = read_frames(content)

    assert content == corpus()[name]
    assert [frame.rows for frame in result.frames] == rows
    assert result.problem == problem


def test_a_segment_of_the_first_format_has_an_unknown_version() -> None:
    result = read_frames((FOLDER / "version-1.segment").read_bytes())

    assert (result.frames, result.problem) == ([], SegmentProblem.UNKNOWN_VERSION)


def test_every_lost_range_is_reported_with_its_position() -> None:
    first, second, third = encode_content([(FrameKind.EVENTS, [b"{}"])] * 3)
    broken = bytearray(second)
    broken[-1] ^= 1
    result = read_frames(encode_header() + first + bytes(broken) + third + third[:9])
    offset = HEADER_BYTES + len(first)

    assert result.damage == [
        DamagedRange(SegmentProblem.BAD_CHECKSUM, offset, len(second)),
        DamagedRange(SegmentProblem.TORN_TAIL, offset + len(second) + len(third), 9),
    ]
    assert not result.is_torn
    assert result.good_length == offset
