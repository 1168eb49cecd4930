"""Missing frames are logged and recorded, and loaded once when they are restored."""

import shutil

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
from tests.batcher.load.spool_writer import (
    LANE,
    NOW_S,
    Writer,
    copy_spool,
    load_all,
    missing_spans,
    quarantine_reasons,
    restore_spool,
    stored_paths,
    write_three_segments,
)
from tests.batcher.load.spooled_events import SETTINGS, stored_drops
from tests.batcher.spool.frames import encode_frame
from tests.batcher.spool.segment_files import SETTINGS as SPOOL_SETTINGS
from tests.batcher.spool.segment_files import WRITER
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import Drop
from warehouse.tables import Warehouse


def test_a_removed_segment_is_reported_and_loaded_once_when_restored(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = write_three_segments(spool)
    content = segments[1].path.read_bytes()
    segments[1].path.unlink()
    load_all(spool, warehouse)
    (message,) = [line for line in caplog.messages if line.startswith("frames_missing")]

    assert stored_paths(warehouse) == [*acknowledged[:2], *acknowledged[4:]]
    assert message == f"frames_missing count=2 incarnation={segments[0].writer}"
    assert missing_spans(spool) == [(3, 4)]
    assert spool.quarantine.entries() != []
    for expected in ([], ["already_loaded"]):
        segments[1].path.write_bytes(content)
        load_all(spool, warehouse)

        assert stored_paths(warehouse) == acknowledged
        assert missing_spans(spool) == []
        assert quarantine_reasons(spool) == expected


def test_missing_frames_may_be_restored_in_parts(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    for _ in range(5):
        writer.write_segment(1)
    writer.close()
    segments = spool.sealed()
    contents = [segment.path.read_bytes() for segment in segments]
    for segment in segments[:4]:
        segment.path.unlink()
    spans = []
    for index in (2, 2, 0, 3, 1, 1):
        load_all(spool, warehouse)
        spans.append(missing_spans(spool))
        segments[index].path.write_bytes(contents[index])
    load_all(spool, warehouse)

    assert spans == [
        [(1, 4)],
        [(1, 2), (4, 4)],
        [(1, 2), (4, 4)],
        [(2, 2), (4, 4)],
        [(2, 2)],
        [],
    ]
    assert stored_paths(warehouse) == acknowledged
    assert quarantine_reasons(spool) == ["already_loaded"] * 2


def test_an_intact_copy_of_a_damaged_segment_adds_only_the_lost_rows(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = write_three_segments(spool)
    intact = segments[1].path.read_bytes()
    damaged = bytearray(intact)
    damaged[HEADER_BYTES + 60] ^= 4
    segments[1].path.write_bytes(damaged)
    load_all(spool, warehouse)

    assert quarantine_reasons(spool) == ["bad_checksum"]
    assert stored_paths(warehouse) == [
        acknowledged[0],
        acknowledged[1],
        *acknowledged[3:],
    ]
    assert missing_spans(spool) == [(3, 3)]
    segments[1].path.write_bytes(intact)
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == acknowledged
    assert missing_spans(spool) == []
    assert quarantine_reasons(spool) == ["bad_checksum"]


def test_unreadable_rows_are_recorded_as_missing(
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

        assert stored_paths(warehouse) == ["/good", "/good"]
        assert missing_spans(spool) == [(2, 2)]
    assert quarantine_reasons(spool) == ["bad_rows", "bad_rows"]


def test_a_damaged_note_of_missing_frames_stops_no_load(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = write_three_segments(spool)
    content = segments[1].path.read_bytes()
    segments[1].path.unlink()
    load_all(spool, warehouse)
    (note,) = spool.quarantine.entries()
    note.write_bytes(note.read_bytes().replace(b"4", b"6"))
    segments[1].path.write_bytes(content)
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == acknowledged
    assert quarantine_reasons(spool) == []
    assert "missing_frames_note_damaged" in caplog.text
    assert note.with_suffix(".damaged") in spool.quarantine.entries()


def test_a_spool_restored_from_a_backup_adds_the_missing_frames(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = write_three_segments(spool)
    backup = copy_spool(spool, "backup")
    segments[0].path.unlink()
    load_all(spool, warehouse)
    restore_spool(spool, backup)
    for copies in (2, 5):
        load_all(spool, warehouse)

        assert stored_paths(warehouse) == acknowledged
        assert quarantine_reasons(spool) == ["already_loaded"] * copies
        shutil.copytree(backup.directory, spool.directory, dirs_exist_ok=True)


def test_frames_missing_in_one_spool_are_loaded_once_from_another(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = write_three_segments(spool)
    other = copy_spool(spool, "other")
    for number in (0, 1):
        other.sealed()[0].path.unlink()
        assert len(segments) - len(other.sealed()) == number + 1
    for each_spool in (other, spool, copy_spool(spool, "third")):
        load_all(each_spool, warehouse)
    third = Spool(spool.directory.with_name("third"))

    assert stored_paths(warehouse) == acknowledged
    assert quarantine_reasons(spool) == ["already_loaded"]
    assert quarantine_reasons(third) == ["already_loaded"] * 3


def test_a_missing_drop_count_is_counted_once_when_restored(
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


def test_a_directory_named_like_a_segment_is_logged_and_stops_no_load(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged, segments = write_three_segments(spool)
    lane = segments[0].path.parent
    for name in ("9.segment", "8.open"):
        (lane / name).mkdir()
    load(spool, warehouse, SETTINGS, NOW_S)

    assert stored_paths(warehouse) == acknowledged
    assert f"reason=segment_is_directory file={lane}/8.open" in caplog.text
    assert f"reason=segment_is_directory file={lane}/9.segment" in caplog.text


def test_a_directory_in_place_of_the_plan_is_named(
    spool: Spool, warehouse: Warehouse
) -> None:
    write_three_segments(spool)
    spool.load_plan.mkdir()
    with pytest.raises(
        SpoolBrokenError, match=r"load-plan\.json is a directory"
    ) as caught:
        load(spool, warehouse, SETTINGS, NOW_S)

    assert "move the directory away" in (caught.value.hint or "")


@pytest.mark.parametrize("to", ["lane-000", "restored"])
@pytest.mark.parametrize("with_reason", [True, False])
def test_a_reason_is_removed_with_its_segment(
    spool: Spool, warehouse: Warehouse, to: str, *, with_reason: bool
) -> None:
    acknowledged, segments = write_three_segments(spool)
    intact = segments[1].path.read_bytes()
    segments[1].path.write_bytes(intact[:-1] + b"?")
    load_all(spool, warehouse)
    [quarantined] = spool.quarantined()
    quarantined.write_bytes(intact)
    folder = spool.folder(to)
    folder.mkdir(exist_ok=True)
    quarantined.rename(folder / quarantined.name)
    reason = quarantined.with_suffix(".reason")
    if with_reason:
        reason.rename(folder / reason.name)
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == acknowledged
    assert list(spool.directory.rglob("*.reason")) == []


def test_a_reason_without_its_segment_is_removed_from_quarantine(
    spool: Spool, warehouse: Warehouse
) -> None:
    _, segments = write_three_segments(spool)
    for segment in segments[:2]:
        segment.path.write_bytes(segment.path.read_bytes()[:-1] + b"?")
    load_all(spool, warehouse)
    first, second = spool.quarantined()
    first.unlink()
    load_all(spool, warehouse)

    [reason] = spool.directory.rglob("*.reason")
    assert reason == second.with_suffix(".reason")
