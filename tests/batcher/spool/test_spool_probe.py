"""The probe returns whether an event can be stored, and leaves no file."""

from pathlib import Path

from batcher.spool.lane import Lane
from batcher.spool.spool import Spool, is_writable
from config.settings import SpoolSettings
from tests.batcher.spool.segment_files import file_names, file_size_limit

LARGE_LIMIT = 1 << 30


def test_a_spool_with_free_space_is_writable(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = file_names(tmp_path)

    assert is_writable(spool, LARGE_LIMIT)
    assert file_names(tmp_path) == before


def test_a_nearly_full_disk_is_not_writable(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = file_names(tmp_path)

    with file_size_limit(65_536):
        got = is_writable(spool, LARGE_LIMIT)

    assert not got
    assert file_names(tmp_path) == before
    assert is_writable(spool, LARGE_LIMIT)


def test_a_spool_at_its_size_limit_is_not_writable(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    lane = Lane.open(spool, "worker-0", SpoolSettings())
    lane.commit([b"x" * 2_000], [])
    lane.close()

    assert not is_writable(spool, 1_000)
    assert is_writable(spool, LARGE_LIMIT)


def test_a_directory_named_probe_does_not_affect_the_probe(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "probe").mkdir()

    assert is_writable(spool, LARGE_LIMIT)


def test_a_missing_spool_is_not_writable(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rename(tmp_path / "elsewhere")

    assert not is_writable(spool, LARGE_LIMIT)
