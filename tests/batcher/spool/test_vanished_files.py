"""If files vanish under a running writer, no acknowledged event is lost silently."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.quota import SpoolFullError
from batcher.spool.spool import Spool
from config.errors import Retryable
from config.settings import SpoolSettings
from tests.batcher.spool.segment_files import SETTINGS, Clock, stored_lines

LANE = "lane-000"


@pytest.fixture
def lane(spool: Spool) -> Lane:
    """Return a lane with one group in its open segment."""
    lane = Lane.open(spool, LANE, SETTINGS)
    lane.commit([b"before"], [])
    return lane


def remove_segment(spool: Spool) -> None:
    """Remove the open segment."""
    (segment,) = spool.unsealed()
    segment.path.unlink()


def remove_lane(spool: Spool) -> None:
    """Remove the directory of the lane."""
    shutil.rmtree(spool.lane_directory(LANE))


def remove_all(spool: Spool) -> None:
    """Remove everything in the spool."""
    for path in spool.directory.iterdir():
        shutil.rmtree(path)


def replace_lane(spool: Spool) -> None:
    """Replace the directory of the lane by a copy."""
    directory = spool.lane_directory(LANE)
    shutil.copytree(directory, directory.with_name("copy"))
    shutil.rmtree(directory)
    directory.with_name("copy").rename(directory)


def move_lane(spool: Spool) -> None:
    """Rename the directory of the lane with its content."""
    directory = spool.lane_directory(LANE)
    directory.rename(directory.with_name("moved"))


@pytest.mark.parametrize(
    "vanish", [remove_segment, remove_lane, remove_all, replace_lane, move_lane]
)
def test_a_group_in_a_vanished_segment_is_refused_and_the_next_is_stored(
    spool: Spool,
    lane: Lane,
    vanish: Callable[[Spool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    vanish(spool)
    with pytest.raises(SpoolBrokenError) as refused:
        lane.commit([b"refused"], [])
    lane.commit([b"after"], [])
    lane.close()
    spool.recover_lanes()
    expected = [b"before"] if vanish in (replace_lane, move_lane) else []

    assert isinstance(refused.value, Retryable)
    assert sorted(stored_lines(spool)) == [b"after", *expected]
    assert "segment_vanished lane=lane-000 count=1" in caplog.text


@pytest.mark.parametrize("vanish", [remove_segment, remove_lane, remove_all])
def test_a_vanished_segment_cannot_be_sealed_and_the_lane_continues(
    spool: Spool, lane: Lane, vanish: Callable[[Spool], None]
) -> None:
    vanish(spool)
    with pytest.raises(SpoolBrokenError):
        lane.seal()
    lane.commit([b"after"], [])
    lane.seal()

    assert stored_lines(spool) == [b"after"]


def test_a_replaced_lane_is_locked_again_before_it_is_written(
    spool: Spool, lane: Lane
) -> None:
    replace_lane(spool)
    with pytest.raises(SpoolBrokenError):
        lane.commit([b"refused"], [])
    lane.commit([b"after"], [])
    # The copied open segment was sealed when the lane was locked; the new segment has
    # a live owner.
    assert spool.recover_lanes() == 0
    assert len(spool.unsealed()) == 1
    lane.close()

    assert stored_lines(spool) == [b"before", b"after"]


def test_a_segment_sealed_by_another_process_gets_no_more_groups(
    spool: Spool, lane: Lane
) -> None:
    (spool.lane_directory(LANE) / "owner.lock").unlink()
    assert spool.recover_lanes() == 1
    with pytest.raises(SpoolBrokenError):
        lane.commit([b"refused"], [])
    lane.commit([b"after"], [])
    lane.close()

    assert stored_lines(spool) == [b"before", b"after"]


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no further file while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_without_descriptors_appends_to_its_open_segment(
    spool: Spool,
) -> None:
    clock = Clock()
    lane = Lane.open(spool, LANE, SETTINGS, clock=clock)
    lane.commit([b"1"], [])
    clock.now_s += 5
    with no_descriptors():
        lane.commit([b"2"], [])
    lane.close()

    assert stored_lines(spool) == [b"1", b"2"]


def test_without_descriptors_the_last_known_size_limits_the_spool(
    spool: Spool,
) -> None:
    clock = Clock()
    settings = SpoolSettings(max_bytes=1_048_576)
    lane = Lane.open(spool, LANE, settings, clock=clock)
    lane.commit([b"x" * 900_000], [])
    clock.now_s += 5
    with no_descriptors(), pytest.raises(SpoolFullError):
        lane.commit([b"x" * 300_000], [])


def test_a_new_segment_without_a_descriptor_is_a_named_error(
    spool: Spool, lane: Lane
) -> None:
    lane.seal()
    with no_descriptors(), pytest.raises(SpoolBrokenError, match="EMFILE") as refused:
        lane.commit([b"refused"], [])
    lane.commit([b"after"], [])
    lane.close()

    assert isinstance(refused.value, Retryable)
    assert stored_lines(spool) == [b"before", b"after"]


def break_by_file(path: Path) -> None:
    """Put a file in place of a directory."""
    path.write_bytes(b"")


def break_by_loop(path: Path) -> None:
    """Put a link to itself in place of a directory."""
    path.symlink_to(path)


@pytest.mark.parametrize("put", [break_by_file, break_by_loop])
@pytest.mark.parametrize("name", ["quarantine", "lanes"])
def test_a_spool_that_cannot_be_scanned_refuses_events(
    spool: Spool, put: Callable[[Path], None], name: str
) -> None:
    clock = Clock()
    lane = Lane.open(spool, LANE, SETTINGS, clock=clock)
    directory = spool.directory / name
    hidden = directory.rename(directory.with_name("hidden"))
    put(directory)
    with pytest.raises(SpoolBrokenError) as refused:
        lane.commit([b"1"], [])
    directory.unlink()
    hidden.rename(directory)
    lane.commit([b"2"], [])
    lane.close()

    assert isinstance(refused.value, Retryable)
    assert stored_lines(spool) == [b"2"]


def test_an_unreadable_seal_request_is_a_retryable_error(
    spool: Spool, lane: Lane
) -> None:
    loop = spool.directory / "seal-request"
    loop.symlink_to(loop)
    with pytest.raises(SpoolBrokenError) as refused:
        lane.seal_if_due(0.0)
    loop.unlink()
    lane.close()

    assert isinstance(refused.value, Retryable)
    assert stored_lines(spool) == [b"before"]


def test_nothing_is_written_while_the_spool_disk_is_not_mounted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    lane = Lane.open(spool, "lane-000", SETTINGS)
    lane.commit([b"{}"], [])
    lane.seal()
    away = tmp_path / "away"
    spool.directory.rename(away)
    spool.directory.mkdir()

    with pytest.raises(SpoolBrokenError):
        lane.commit([b"{}"], [])
    assert list(spool.directory.iterdir()) == []
    spool.directory.rmdir()
    away.rename(spool.directory)
    lane.commit([b"{}"], [])
    lane.close()
    assert len(spool.sealed()) == 2
