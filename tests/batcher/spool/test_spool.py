"""Acknowledged groups are stored once, whatever happens to the disk or the owner."""

import os
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import msgspec
import pytest

from batcher.spool.lane import Lane, SpoolBrokenError, open_free_lane
from batcher.spool.lane_files import LaneTakenError, SpoolError
from batcher.spool.quota import SpoolFullError
from batcher.spool.segment import FrameId, FrameKind, SegmentProblem, read_frames
from batcher.spool.spool import Spool
from config.errors import Retryable
from config.settings import SpoolSettings
from tests.batcher.spool.make_segments import corpus
from tests.batcher.spool.segment_files import (
    SETTINGS,
    Clock,
    file_names,
    file_size_limit,
    leave_open,
    lines_of,
    segment_of,
    stored_lines,
)
from tests.descriptor_limit import no_descriptor_left
from warehouse.locks import try_lock

LANE = "lane-000"
BIG = b"x" * 400_000
SMALL = SpoolSettings(segment_max_mb=1)


@pytest.fixture
def lane(spool: Spool) -> Lane:
    """Return a lane of the spool."""
    return Lane.open(spool, LANE, SETTINGS)


def open_segments(spool: Spool) -> list[Path]:
    """Return the paths of the open segments."""
    return [segment.path for segment in spool.unsealed()]


def test_committed_groups_are_in_the_segment_before_and_after_sealing(
    spool: Spool, lane: Lane
) -> None:
    lane.commit([b"1", b"2"], [])
    lane.commit([b"3"], [b"drop"])
    before = lines_of(iter(open_segments(spool)))
    lane.seal()

    assert before == stored_lines(spool) == [b"1", b"2", b"3"]
    (segment,) = spool.sealed()
    kinds = [frame.kind for frame in read_frames(segment.path.read_bytes()).frames]
    assert kinds == [FrameKind.EVENTS, FrameKind.EVENTS, FrameKind.DROPS]
    assert open_segments(spool) == []


def test_an_idle_lane_writes_no_segment(spool: Spool, lane: Lane) -> None:
    lane.commit([], [])
    lane.seal()
    lane.close()

    assert spool.sealed() == []
    assert open_segments(spool) == []


def test_a_lane_has_one_owner_and_can_be_reopened_after_it(
    spool: Spool, lane: Lane
) -> None:
    with pytest.raises(LaneTakenError):
        Lane.open(spool, LANE, SETTINGS)
    other = open_free_lane(spool, SETTINGS)
    lane.close()

    assert other.name == "lane-001"
    assert open_free_lane(spool, SETTINGS).name == LANE


def test_a_lane_that_cannot_be_opened_is_named(spool: Spool) -> None:
    with (
        no_descriptor_left(),
        pytest.raises(SpoolBrokenError, match=f"open lane '{LANE}': EMFILE"),
    ):
        Lane.open(spool, LANE, SETTINGS)

    assert Lane.open(spool, LANE, SETTINGS).name == LANE


def test_an_open_waits_for_the_recovery_of_the_lane(spool: Spool) -> None:
    directory = leave_open(spool, LANE, 7, segment_of([b"1"])).parent
    with ThreadPoolExecutor() as threads:
        recovery = try_lock(directory / "recovery.lock")
        owner = try_lock(directory / "owner.lock")
        opening = threads.submit(Lane.open, spool, LANE, SETTINGS)
        early, _ = wait([opening], timeout=0.1)
        for descriptor in (owner, recovery):
            assert descriptor is not None
            os.close(descriptor)

    assert not early
    assert opening.result().name == LANE


def test_segment_names_are_unique_even_after_all_are_removed(
    spool: Spool,
) -> None:
    file_names: list[str] = []
    for _ in range(3):
        lane = Lane.open(spool, LANE, SETTINGS)
        for line in (b"1", b"2"):
            lane.commit([line], [])
            lane.seal()
        lane.close()
        file_names += [segment.path.name for segment in spool.sealed()]
        spool.remove(segment.path for segment in spool.sealed())

    assert len(set(file_names)) == len(file_names) == 6


def test_a_new_segment_number_is_above_all_existing_ones(spool: Spool) -> None:
    leave_open(spool, LANE, 41, segment_of([b"1"]))
    lane = Lane.open(spool, LANE, SETTINGS)
    lane.commit([b"2"], [])
    lane.seal()

    assert [segment.number for segment in spool.sealed()] == [41, 42]
    assert stored_lines(spool) == [b"1", b"2"]


def frame_ids(spool: Spool) -> list[FrameId]:
    """Return the frame ids of all sealed segments, in order."""
    return [
        frame.id
        for segment in spool.sealed()
        for frame in read_frames(segment.path.read_bytes()).frames
    ]


def test_frame_numbers_restart_with_each_opening_of_the_lane(spool: Spool) -> None:
    randoms = iter([b"a" * 16, b"b" * 16])
    for _ in range(2):
        lane = Lane.open(spool, LANE, SETTINGS, random_bytes=lambda _: next(randoms))
        lane.commit([b"1"], [b"drop"])
        lane.seal()
        lane.commit([b"2"], [])
        assert lane.last.sequence == 3
        lane.close()

    assert frame_ids(spool) == [
        FrameId(writer * 16, sequence)
        for writer in (b"a", b"b")
        for sequence in (1, 2, 3)
    ]


def test_a_frame_id_after_a_refused_group_is_new(spool: Spool, lane: Lane) -> None:
    lane.commit([b"1"], [])
    with file_size_limit(300_000), pytest.raises(SpoolBrokenError):
        lane.commit([BIG], [])
    lane.commit([b"2"], [])
    lane.close()
    before, after = frame_ids(spool)

    assert before.incarnation != after.incarnation
    assert (before.sequence, after.sequence) == (1, 1)


@pytest.mark.parametrize("name", ["", "../up", "UP", "a b", "-a"])
def test_an_invalid_lane_name_is_refused(spool: Spool, name: str) -> None:
    with pytest.raises(SpoolError):
        Lane.open(spool, name, SETTINGS)


def test_a_segment_is_sealed_at_its_age(spool: Spool) -> None:
    clock = Clock()
    lane = Lane.open(spool, LANE, SETTINGS, clock=clock)
    lane.commit([b"1"], [])

    assert not lane.seal_if_due(clock.now_s + 9.9)
    assert lane.seal_if_due(clock.now_s + 10)
    assert not lane.seal_if_due(clock.now_s + 99)
    assert stored_lines(spool) == [b"1"]


def test_a_segment_is_sealed_at_its_size(spool: Spool) -> None:
    lane = Lane.open(spool, LANE, SMALL)
    for _ in range(3):
        lane.commit([BIG], [])

    assert len(spool.sealed()) == 1
    assert open_segments(spool) == []


def test_a_segment_is_sealed_once_per_request(spool: Spool) -> None:
    clock = Clock()
    lane = Lane.open(spool, LANE, SETTINGS, clock=clock)
    lane.commit([b"1"], [])
    spool.request_seal()

    assert lane.seal_if_due(clock.now_s)
    lane.commit([b"2"], [])
    assert not lane.seal_if_due(clock.now_s)
    assert stored_lines(spool) == [b"1"]


def test_a_full_spool_refuses_events_and_recovers_by_itself(spool: Spool) -> None:
    clock = Clock()
    settings = SpoolSettings(max_bytes=1_048_576)
    lane = Lane.open(spool, LANE, settings, clock=clock)
    lane.commit([BIG], [])
    lane.commit([BIG], [])
    with pytest.raises(SpoolFullError) as refused:
        lane.commit([BIG], [])
    lane.seal()
    spool.remove(segment.path for segment in spool.sealed())
    clock.now_s += 1
    lane.commit([b"1"], [])
    lane.seal()

    assert isinstance(refused.value, Retryable)
    assert stored_lines(spool) == [b"1"]


def test_the_size_limit_includes_other_lanes_and_the_quarantine(
    spool: Spool, tmp_path: Path
) -> None:
    clock = Clock()
    settings = SpoolSettings(max_bytes=1_048_576)
    lane = Lane.open(spool, LANE, settings, clock=clock)
    lane.commit([b"1"], [])
    other = open_free_lane(spool, SETTINGS)
    other.commit([BIG], [])
    (tmp_path / "spool" / "quarantine" / "old.segment").write_bytes(BIG * 2)
    clock.now_s += 1

    with pytest.raises(SpoolFullError):
        lane.commit([b"2"], [])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            segment_of([b"1"], [b"2", b"3"]), [b"1", b"2", b"3"], id="complete"
        ),
        pytest.param(segment_of([b"1"], [b"2"])[:-1], [b"1"], id="torn"),
        pytest.param(segment_of([b"1"]) + bytes(99), [b"1"], id="zeros at the end"),
        pytest.param(segment_of([b"1"])[:-1], [], id="the only frame is torn"),
        pytest.param(segment_of(), [], id="header only"),
        pytest.param(segment_of()[:5], [], id="half a header"),
        pytest.param(b"", [], id="empty"),
    ],
)
@pytest.mark.parametrize("recovered_by", ["the next owner", "the batcher"])
def test_the_open_segment_of_a_dead_owner_is_sealed_without_its_torn_end(
    spool: Spool, content: bytes, expected: list[bytes], recovered_by: str
) -> None:
    path = leave_open(spool, LANE, 7, content)
    if recovered_by == "the next owner":
        Lane.open(spool, LANE, SETTINGS)
    else:
        spool.recover_lanes()

    assert stored_lines(spool) == expected
    assert not path.exists()
    assert len(spool.sealed()) == bool(expected)


def test_recovery_cuts_nothing_if_good_frames_follow_the_damage(
    spool: Spool,
) -> None:
    content = corpus()["bad-checksum"]
    leave_open(spool, LANE, 7, content)
    spool.recover_lanes()

    assert [segment.path.read_bytes() for segment in spool.sealed()] == [content]


def test_recovery_does_not_touch_the_segment_of_a_live_owner(
    spool: Spool, lane: Lane
) -> None:
    lane.commit([b"1"], [])
    spool.recover_lanes()

    assert len(open_segments(spool)) == 1
    assert spool.sealed() == []


def test_a_restored_open_segment_is_sealed_on_request(spool: Spool, lane: Lane) -> None:
    lane.commit([b"2"], [])
    restored = spool.lane_directory(LANE) / "0000000009-restored.open"
    restored.write_bytes(segment_of([b"1"]))
    spool.request_seal()
    lane.seal_if_due(0.0)

    assert open_segments(spool) == []
    assert sorted(stored_lines(spool)) == [b"1", b"2"]


def test_sealing_does_not_replace_a_restored_segment(spool: Spool, lane: Lane) -> None:
    lane.commit([b"2"], [])
    (path,) = open_segments(spool)
    path.with_suffix(".segment").write_bytes(segment_of([b"1"]))
    lane.seal()

    assert sorted(stored_lines(spool)) == [b"1", b"2"]


def test_a_disk_error_loses_only_the_refused_group(spool: Spool, lane: Lane) -> None:
    lane.commit([b"1"], [])
    with file_size_limit(300_000), pytest.raises(SpoolBrokenError) as refused:
        lane.commit([BIG], [])
    lane.commit([b"2"], [])
    lane.close()

    assert isinstance(refused.value, Retryable)
    assert stored_lines(spool) == [b"1", b"2"]
    assert "EFBIG" in refused.value.message


def test_a_lane_recovers_after_its_first_write_failed(spool: Spool, lane: Lane) -> None:
    for _ in range(2):
        with file_size_limit(100), pytest.raises(SpoolBrokenError):
            lane.commit([BIG], [])
    lane.commit([b"1"], [])
    lane.close()

    assert stored_lines(spool) == [b"1"]
    assert file_names(spool.lane_directory(LANE))[1:] == ["owner.lock", "recovery.lock"]


def test_a_quarantined_segment_has_a_file_with_its_reason(
    spool: Spool, lane: Lane
) -> None:
    lane.commit([b"1"], [])
    lane.seal()
    (segment,) = spool.sealed()
    path = spool.quarantine.add_segment(segment, {"problems": [SegmentProblem.EMPTY]})

    assert spool.quarantined() == [path]
    assert spool.sealed() == []
    reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())
    assert reason == {"problems": ["empty"]}


def test_a_quarantined_segment_replaces_no_earlier_one(
    spool: Spool, lane: Lane
) -> None:
    for content in (b"1", b"2"):
        lane.commit([content], [])
        lane.seal()
        (segment,) = spool.sealed()
        path = segment.path.rename(segment.path.with_name("0000000001.segment"))
        spool.quarantine.add_segment(msgspec.structs.replace(segment, path=path), {})

    assert lines_of(iter(spool.quarantined())) in ([b"1", b"2"], [b"2", b"1"])
    assert len(file_names(spool.quarantine.directory)) == 4
