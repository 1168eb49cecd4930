"""A segment gives back what went in; a cut gives a prefix; no changed bit passes."""

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


def encoded(content: Content) -> list[bytes]:
    """Return *content* as frames."""
    return [
        encode_frame(kind, FrameId(WRITER, sequence), len(each), b"\n".join(each))
        for sequence, (kind, each) in enumerate(content, 1)
    ]


def decoded(frames: list[Frame]) -> Content:
    """Return *frames* as what went in."""
    return [(each.kind, bytes(each.payload).split(b"\n")) for each in frames]


@given(_FRAMES)
def test_reading_gives_back_what_was_written(content: Content) -> None:
    segment = encode_header() + b"".join(encoded(content))
    read = read_frames(segment)

    assert decoded(read.frames) == content
    assert [each.rows for each in read.frames] == [len(each) for _, each in content]
    assert [each.id for each in read.frames] == [
        FrameId(WRITER, sequence) for sequence in range(1, len(content) + 1)
    ]
    assert read.damage == []
    assert read.good_length == len(segment)


@given(_FRAMES, st.data())
def test_any_cut_gives_a_prefix_and_is_torn(
    content: Content, data: st.DataObject
) -> None:
    frames = encoded(content)
    segment = encode_header() + b"".join(frames)
    length = data.draw(st.integers(0, len(segment)))
    ends = list(accumulate(map(len, frames), initial=HEADER_BYTES))
    whole = [end for end in ends if end <= length]
    read = read_frames(segment[:length])

    assert decoded(read.frames) == content[: max(0, len(whole) - 1)]
    assert read.is_torn == (length not in ends)
    assert read.good_length == (whole[-1] if whole else 0)


def test_any_cut_of_a_segment_with_keys_is_torn_and_gives_a_prefix() -> None:
    keys = encode_keys(WRITER, {"shop": "5" * 64})
    frames = encoded([(FrameKind.EVENTS, [b"{}"])] * 2)
    segment = encode_header() + keys + b"".join(frames)
    ends = [*accumulate(map(len, [keys, *frames]), initial=HEADER_BYTES)]
    for length in range(len(segment)):
        read = read_frames(segment[:length])
        whole = [end for end in ends if end <= length]

        assert len(read.frames) == max(0, len(whole) - 2)
        assert bool(read.keys) == (length >= ends[1])
        assert read.is_torn == (length not in ends)
        assert read.good_length == (whole[-1] if whole else 0)


def test_a_changed_bit_in_the_keys_costs_no_row_and_names_no_key() -> None:
    keys = encode_keys(WRITER, {"shop": "5" * 64})
    content: Content = [(FrameKind.EVENTS, [b"{}"])]
    segment = encode_header() + keys + b"".join(encoded(content))
    for bit in range(HEADER_BYTES * 8, (HEADER_BYTES + len(keys)) * 8):
        flipped = bytearray(segment)
        flipped[bit // 8] ^= 1 << bit % 8
        read = read_frames(bytes(flipped))

        assert (decoded(read.frames), read.keys) == (content, {})
        assert read.problem == SegmentProblem.BAD_CHECKSUM


def test_keys_that_are_no_object_name_none() -> None:
    payload = b"[1]"
    frame = encode_frame(FrameKind.KEYS, FrameId(WRITER, 0), 1, payload)
    read = read_frames(encode_header() + frame)

    assert (read.frames, read.keys, read.damage) == ([], {}, [])


@given(_FRAMES.filter(bool), st.data())
def test_any_changed_bit_is_found_and_costs_one_frame(
    content: Content, data: st.DataObject
) -> None:
    frames = encoded(content)
    segment = bytearray(encode_header() + b"".join(frames))
    bit = data.draw(st.integers(HEADER_BYTES * 8, len(segment) * 8 - 1))
    segment[bit // 8] ^= 1 << bit % 8
    ends = accumulate(map(len, frames), initial=HEADER_BYTES)
    hit = sum(end <= bit // 8 for end in ends) - 1
    read = read_frames(bytes(segment))

    assert decoded(read.frames) == content[:hit] + content[hit + 1 :]
    # Were it taken for a torn end, recovery would cut an acknowledged frame off.
    assert read.problem == SegmentProblem.BAD_CHECKSUM
    assert sum(each.size_bytes for each in read.damage) == len(frames[hit])


@given(_FRAMES, st.integers(0, HEADER_BYTES * 8 - 1))
def test_a_changed_bit_in_the_header_is_found(content: Content, bit: int) -> None:
    segment = bytearray(encode_header() + b"".join(encoded(content)))
    segment[bit // 8] ^= 1 << bit % 8
    read = read_frames(bytes(segment))

    if bit // 8 < 8:
        assert read.problem == SegmentProblem.NOT_A_SEGMENT
        assert decoded(read.frames) == content
    else:
        assert read.problem == SegmentProblem.UNKNOWN_VERSION
        assert read.frames == []


@given(_FRAMES, st.integers(1, 64))
def test_zeros_at_the_end_are_a_write_a_power_loss_cut(
    content: Content, zeros: int
) -> None:
    segment = encode_header() + b"".join(encoded(content))
    read = read_frames(segment + bytes(zeros))

    assert decoded(read.frames) == content
    assert read.is_torn
    assert read.good_length == len(segment)


@given(st.binary(max_size=200))
@example(b"\x01" * 40)
@example(encode_header() + b"\x01" + bytes(28) + b"\xff" * 4 + bytes(8))
def test_any_bytes_are_read_or_named(content: bytes) -> None:
    read = read_frames(content)
    framed = sum(FRAME_HEADER_BYTES + len(each.payload) for each in read.frames)
    lost = sum(each.size_bytes for each in read.damage)

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
def test_the_corpus_reads_as_it_always_did(
    name: str, rows: list[int], problem: SegmentProblem | None
) -> None:
    content = (FOLDER / f"{name}.segment").read_bytes()
    read = read_frames(content)

    assert content == corpus()[name]
    assert [each.rows for each in read.frames] == rows
    assert read.problem == problem


def test_a_segment_of_the_first_format_is_named_and_not_read() -> None:
    read = read_frames((FOLDER / "version-1.segment").read_bytes())

    assert (read.frames, read.problem) == ([], SegmentProblem.UNKNOWN_VERSION)


def test_every_part_that_is_lost_is_named_with_its_place() -> None:
    first, second, third = encoded([(FrameKind.EVENTS, [b"{}"])] * 3)
    broken = bytearray(second)
    broken[-1] ^= 1
    read = read_frames(encode_header() + first + bytes(broken) + third + third[:9])
    offset = HEADER_BYTES + len(first)

    assert read.damage == [
        DamagedRange(SegmentProblem.BAD_CHECKSUM, offset, len(second)),
        DamagedRange(SegmentProblem.TORN_TAIL, offset + len(second) + len(third), 9),
    ]
    assert not read.is_torn
    assert read.good_length == offset
