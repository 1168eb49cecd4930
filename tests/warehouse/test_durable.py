"""A durable write leaves the old file or the new one, and never both."""

import errno
import os
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.strace import trace
from warehouse.durable import create_durable, remove_durable, write_durable


def _file_names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def test_a_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durable(path, b"old and longer")
    write_durable(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert _file_names(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        write_durable(path, b"new")

    assert _file_names(tmp_path) == ["file"]


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed file", "link"])
def test_only_the_first_create_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, unnamed: bool
) -> None:
    if not unnamed:
        monkeypatch.setattr(os, "open", _open_without_unnamed_files)
    path = tmp_path / "file"
    got = [create_durable(path, text, mode=0o600) for text in (b"first", b"second")]

    assert got == [True, False]
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert _file_names(tmp_path) == ["file"]


_os_open = os.open


def _open_without_unnamed_files(path: Path, flags: int, mode: int = 0o777) -> int:
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        raise OSError(errno.EOPNOTSUPP, "no unnamed files here")
    return _os_open(path, flags, mode)


def _race(path: Path, text: bytes) -> tuple[bool, bytes]:
    return create_durable(path, text), path.read_bytes()


def test_one_of_racing_processes_creates_the_file_and_all_read_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    texts = [bytes([65 + number]) * 4_096 for number in range(4)]
    with get_context("spawn").Pool(4) as pool:
        got = pool.starmap(_race, [(path, text) for text in texts])

    assert sorted(created for created, _ in got) == [False, False, False, True]
    assert {content for _, content in got} == {path.read_bytes()}
    assert path.read_bytes() in texts


def test_removing_a_missing_file_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    remove_durable(path)
    remove_durable(path)

    assert _file_names(tmp_path) == []


@pytest.mark.crash
def test_the_content_is_synced_before_the_name_and_both_before_the_return(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "d"
    directory.mkdir()
    script = ["tests.warehouse.write_durably", str(directory)]
    calls = trace("fsync,rename,link,linkat,unlink", script, tmp_path / "log")

    assert [_step(call, text, directory) for call, text in calls] == [
        *("fsync file", "rename", "fsync directory"),
        *("fsync file", "linkat", "fsync directory"),
        # The second create syncs its own file, then the existing one.
        *("fsync file", "fsync file", "fsync directory"),
        *("unlink", "fsync directory"),
    ]


def _step(call: str, text: str, directory: Path) -> str:
    if call != "fsync":
        return call
    return "fsync directory" if f"<{directory}>" in text else "fsync file"
