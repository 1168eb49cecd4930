"""A compressed log gives the lines of the plain one, from any position."""

import bz2
import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import Settings
from proxy.history.log_file import UnreadableLogError, open_log
from tests.programs import need
from tests.proxy.history.in_process_import import line, run, views, write_log

LINES = [line(f"/p/{n}", address=f"198.51.{n % 250}.7").encode() for n in range(9_000)]
CONTENT = b"".join(each + b"\n" for each in LINES)


def zstd(content: bytes) -> bytes:
    command = [str(need("zstd")), "-cq"]
    return subprocess.run(
        command, input=content, capture_output=True, check=True
    ).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip, two members": lambda content: (
        gzip.compress(content[:90_000]) + gzip.compress(content[90_000:])
    ),
    "bzip2": bz2.compress,
    "zstd": zstd,
}


@pytest.fixture(params=list(PACKERS.values()), ids=list(PACKERS))
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(request.param(CONTENT))
    return path


def test_all_lines_are_read_from_any_position(packed: Path) -> None:
    offset = len(LINES[0]) + 1
    with open_log(packed) as log:
        assert log.head == CONTENT[: len(log.head)]
        assert [each.rstrip(b"\n") for each in log.lines(0)] == LINES
        assert log.offset == len(CONTENT)
        assert log.position == packed.stat().st_size
        assert [each.rstrip(b"\n") for each in log.lines(offset)] == LINES[1:]
        assert list(log.lines(len(CONTENT))) == []
        assert log.sample == LINES[: len(log.sample)]
        assert len(log.sample) > 100


@pytest.mark.parametrize("name", ["gzip", "bzip2", "zstd"])
def test_a_truncated_file_is_imported_up_to_its_end(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "cut"
    # bzip2 and zstd give whole blocks only.
    content = CONTENT if name == "gzip" else CONTENT * 4
    packed = PACKERS[name](content)
    path.write_bytes(packed[: len(packed) * 3 // 4])
    after = write_log(tmp_path / "after", [line("/after")])
    outcome = run(settings, path, after)

    assert [type(problem) for problem in outcome.problems] == [UnreadableLogError]
    assert "is truncated or damaged" in str(outcome.problems[0])
    assert len(views(settings)) > 1_000
    assert ("/after", 1) in views(settings)


@pytest.mark.parametrize("name", ["gzip", "bzip2", "zstd"])
def test_a_damaged_start_is_an_error_of_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "damaged"
    packed = bytearray(PACKERS[name](CONTENT))
    packed[4:40] = bytes(36)
    path.write_bytes(packed)

    with pytest.raises(UnreadableLogError, match="damaged"), open_log(path) as log:
        list(log.lines(0))


def test_a_missing_zstd_program_is_an_error_of_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.zst"
    path.write_bytes(zstd(CONTENT))
    plain = write_log(tmp_path / "plain", [line("/a")])
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        outcome = run(settings, path, plain)

    assert "the program zstd is not installed" in str(outcome.problems[0])
    assert views(settings) == [("/a", 1)]
