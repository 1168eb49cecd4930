"""Frames that are not where they should be: said, noted, and loaded once when found."""

import shutil
from pathlib import Path

import msgspec
import pytest

from batcher.load.load import load
from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.segment import (
    HEADER_BYTES,
    FrameId,
    FrameKind,
    encode_header,
)
from batcher.spool.spool import Spool
from tests.batcher.load.loads import SETTINGS, stored_drops
from tests.batcher.load.spool_writer import (
    LANE,
    NOW_S,
    Writer,
    copy,
    load_all,
    notes,
    reasons,
    restore,
    stored,
    three_segments,
)
from tests.batcher.spool.frames import encode_frame
from tests.batcher.spool.spooled import SETTINGS as SPOOL_SETTINGS
from tests.batcher.spool.spooled import WRITER
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import Drop
from warehouse.tables import Warehouse


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return Warehouse(tmp_path / "warehouse")


def test_a_segment_removed_by_hand_is_missed_and_loaded_once_when_it_is_back(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = three_segments(spool)
    content = segments[1].path.read_bytes()
    segments[1].path.unlink()
    load_all(spool, warehouse)
    (said,) = [line for line in caplog.messages if line.startswith("frames_missing")]

    assert stored(warehouse) == [*acknowledged[:2], *acknowledged[4:]]
    assert said == f"frames_missing count=2 incarnation={segments[0].writer}"
    assert notes(spool) == [(3, 4)]
    assert spool.quarantine.entries() != []
    for expected in ([], ["already_loaded"]):
        segments[1].path.write_bytes(content)
        load_all(spool, warehouse)

        assert stored(warehouse) == acknowledged
        assert notes(spool) == []
        assert reasons(spool) == expected


def test_what_is_missing_may_come_back_in_parts(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    for _ in range(5):
        writer.segment(1)
    writer.close()
    segments = spool.sealed()
    contents = [segment.path.read_bytes() for segment in segments]
    for segment in segments[:4]:
        segment.path.unlink()
    found = []
    for at in (2, 2, 0, 3, 1, 1):
        load_all(spool, warehouse)
        found.append(notes(spool))
        segments[at].path.write_bytes(contents[at])
    load_all(spool, warehouse)

    assert found == [
        [(1, 4)],
        [(1, 2), (4, 4)],
        [(1, 2), (4, 4)],
        [(2, 2), (4, 4)],
        [(2, 2)],
        [],
    ]
    assert stored(warehouse) == acknowledged
    assert reasons(spool) == ["already_loaded"] * 2


def test_of_a_sound_copy_exactly_what_the_damaged_segment_lost_is_loaded(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = three_segments(spool)
    sound = segments[1].path.read_bytes()
    damaged = bytearray(sound)
    damaged[HEADER_BYTES + 60] ^= 4
    segments[1].path.write_bytes(damaged)
    load_all(spool, warehouse)

    assert reasons(spool) == ["bad_checksum"]
    assert stored(warehouse) == [acknowledged[0], acknowledged[1], *acknowledged[3:]]
    assert notes(spool) == [(3, 3)]
    segments[1].path.write_bytes(sound)
    load_all(spool, warehouse)

    assert stored(warehouse) == acknowledged
    assert notes(spool) == []
    assert reasons(spool) == ["bad_checksum"]


def test_rows_that_cannot_be_read_are_missing_until_they_can(
    spool: Spool, warehouse: Warehouse
) -> None:
    good = lines([event(path="/good")])[0]
    frames = [(1, good), (2, b'{"bad":1}'), (3, good)]
    content = encode_header() + b"".join(
        encode_frame(FrameKind.EVENTS, FrameId(WRITER, sequence), 1, line)
        for sequence, line in frames
    )
    folder = spool.lane_directory(LANE)
    folder.mkdir()
    for _ in range(2):
        (folder / "0000000001.segment").write_bytes(content)
        load_all(spool, warehouse)

        assert stored(warehouse) == ["/good", "/good"]
        assert notes(spool) == [(2, 2)]
    assert reasons(spool) == ["bad_rows", "bad_rows"]


def test_no_load_depends_on_the_note(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = three_segments(spool)
    content = segments[1].path.read_bytes()
    segments[1].path.unlink()
    load_all(spool, warehouse)
    (note,) = spool.quarantine.entries()
    note.write_bytes(note.read_bytes().replace(b"4", b"6"))
    segments[1].path.write_bytes(content)
    load_all(spool, warehouse)

    assert stored(warehouse) == acknowledged
    assert reasons(spool) == []
    assert "missing_frames_note_damaged" in caplog.text
    assert note.with_suffix(".damaged") in spool.quarantine.entries()


def test_a_spool_restored_from_a_backup_brings_what_was_missing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = three_segments(spool)
    kept = copy(spool, "kept")
    segments[0].path.unlink()
    load_all(spool, warehouse)
    restore(spool, kept)
    for copies in (2, 5):
        load_all(spool, warehouse)

        assert stored(warehouse) == acknowledged
        assert reasons(spool) == ["already_loaded"] * copies
        shutil.copytree(kept.directory, spool.directory, dirs_exist_ok=True)


def test_what_one_spool_goes_past_another_brings_once(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = three_segments(spool)
    other = copy(spool, "other")
    for number in (0, 1):
        other.sealed()[0].path.unlink()
        assert len(segments) - len(other.sealed()) == number + 1
    for each in (other, spool, copy(spool, "third")):
        load_all(each, warehouse)
    third = Spool(spool.directory.with_name("third"))

    assert stored(warehouse) == acknowledged
    assert reasons(spool) == ["already_loaded"]
    assert reasons(third) == ["already_loaded"] * 3


def test_a_drop_count_that_was_missing_is_counted_once_too(
    spool: Spool, warehouse: Warehouse
) -> None:
    lane = Lane.open(spool, LANE, SPOOL_SETTINGS)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)
    for _ in range(3):
        lane.commit([], [msgspec.json.encode(drop)])
        lane.seal()
    segment = spool.sealed()[1]
    content = segment.path.read_bytes()
    segment.path.unlink()
    counts = []
    for _ in range(3):
        load_all(spool, warehouse)
        counts.append(sum(stored_drops(warehouse).values()))
        segment.path.write_bytes(content)

    assert counts == [6, 9, 9]


def test_a_directory_named_as_a_segment_is_reported_and_stops_nothing(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = three_segments(spool)
    lane = segments[0].path.parent
    for name in ("9.segment", "8.open"):
        (lane / name).mkdir()
    load(spool, warehouse, SETTINGS, NOW_S)

    assert stored(warehouse) == acknowledged
    assert f"reason=segment_is_directory file={lane}/8.open" in caplog.text
    assert f"reason=segment_is_directory file={lane}/9.segment" in caplog.text


def test_a_directory_in_the_place_of_the_plan_is_named(
    spool: Spool, warehouse: Warehouse
) -> None:
    three_segments(spool)
    spool.load_plan.mkdir()
    with pytest.raises(
        SpoolBrokenError, match=r"load-plan\.json is a directory"
    ) as said:
        load(spool, warehouse, SETTINGS, NOW_S)

    assert "move it away" in (said.value.hint or "")


@pytest.mark.parametrize("to", ["lane-000", "restored"])
@pytest.mark.parametrize("with_reason", [True, False])
def test_a_reason_goes_with_its_segment(
    spool: Spool, warehouse: Warehouse, to: str, *, with_reason: bool
) -> None:
    acknowledged, segments = three_segments(spool)
    sound = segments[1].path.read_bytes()
    segments[1].path.write_bytes(sound[:-1] + b"?")
    load_all(spool, warehouse)
    [kept] = spool.quarantined()
    kept.write_bytes(sound)
    folder = spool.folder(to)
    folder.mkdir(exist_ok=True)
    kept.rename(folder / kept.name)
    reason = kept.with_suffix(".reason")
    if with_reason:
        reason.rename(folder / reason.name)
    load_all(spool, warehouse)

    assert stored(warehouse) == acknowledged
    assert list(spool.directory.rglob("*.reason")) == []


def test_a_segment_in_quarantine_keeps_its_reason_and_a_lone_one_goes(
    spool: Spool, warehouse: Warehouse
) -> None:
    _, segments = three_segments(spool)
    for segment in segments[:2]:
        segment.path.write_bytes(segment.path.read_bytes()[:-1] + b"?")
    load_all(spool, warehouse)
    first, second = spool.quarantined()
    first.unlink()
    load_all(spool, warehouse)

    [reason] = spool.directory.rglob("*.reason")
    assert reason == second.with_suffix(".reason")
