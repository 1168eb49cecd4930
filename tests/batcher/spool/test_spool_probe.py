"""The probe says whether an event could be kept, and leaves nothing behind."""

from pathlib import Path

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool, is_writable
from config.settings import SpoolSettings
from tests.batcher.spool.spooled import names, smallest_disk

MUCH = 1 << 30


def test_a_spool_with_room_takes_writes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = names(tmp_path)

    assert is_writable(spool, MUCH)
    assert names(tmp_path) == before


def test_a_disk_that_is_nearly_full_does_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = names(tmp_path)

    with smallest_disk(65_536):
        got = is_writable(spool, MUCH)

    assert not got
    assert names(tmp_path) == before
    assert is_writable(spool, MUCH)


def test_a_spool_at_its_bound_does_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    lane = Lane.open(spool, "worker-0", SpoolSettings())
    lane.commit([b"x" * 2_000], [])
    lane.close()

    assert not is_writable(spool, 1_000)
    assert is_writable(spool, MUCH)


def test_nothing_is_in_the_way_of_the_probe(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "probe").mkdir()

    assert is_writable(spool, MUCH)


def test_a_spool_that_has_gone_does_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rename(tmp_path / "elsewhere")

    assert not is_writable(spool, MUCH)
