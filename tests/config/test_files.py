"""Commands that write run only as the owner of the data; errors name the owner."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import Busy, MillpondError
from config.files import (
    FileError,
    ForeignFileError,
    OwnerError,
    check_owner,
    is_file_error,
    naming_foreign_files,
    reason,
    remedy,
)
from millpond import run

NOBODY = 65_534
CONFIG = """\
[privacy]
salt_store = "data/salts"

[[sites]]
id = "shop"
domains = ["shop.example"]
"""
WRITERS = [
    ("up",),
    ("proxy", "run"),
    ("proxy", "worker", "0"),
    ("batcher", "run"),
    ("batcher", "drain"),
    ("warehouse", "build"),
    ("warehouse", "compact"),
    ("warehouse", "retain"),
    ("import", "access-log", "log", "--site", "shop"),
]

READ_ONLY = "the file system is mounted read-only: the system log says why"

is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="only root can be another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that belongs to another user and is accessible to that user."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    (directory / "spool").mkdir()
    for path in (directory, directory / "spool"):
        os.chown(path, NOBODY, NOBODY)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def as_nobody(folder: Path) -> Iterator[Path]:
    """Run as the other user; the folder contains a directory of root."""
    (folder / "spool" / "lanes").mkdir(mode=0o755)
    (folder / "spool" / "lanes" / "next").write_text("1")
    os.seteuid(NOBODY)
    yield folder
    os.seteuid(0)


@needs_root
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
@pytest.mark.parametrize("place", ["spool", "warehouse", "keys"])
def test_a_command_that_writes_refuses_data_of_another_user(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    place: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("millpond.toml").write_text(CONFIG)
    Path("log").write_text("")
    foreign_data = tmp_path / "data" / place
    foreign_data.mkdir(parents=True)
    os.chown(foreign_data, NOBODY, NOBODY)

    code = run(words)

    command = "millpond " + " ".join(words[:2] if len(words) > 1 else words)
    message = capsys.readouterr().err
    assert code == 2
    assert message.startswith(
        f"{command.replace(' ', ': ', 1)}: {foreign_data} belongs to 'nobody',"
        " but this process runs as 'root'\n"
        f"  hint: run it as their owner: sudo -u nobody {command} …"
    )
    assert ("setfacl" in message) == (words[0] == "import")
    assert [path.name for path in (tmp_path / "data").iterdir()] == [place]
    assert list(foreign_data.iterdir()) == []


def test_data_that_does_not_exist_yet_has_no_owner(tmp_path: Path) -> None:
    check_owner([tmp_path / "new"], NOBODY, "millpond up")
    with pytest.raises(OwnerError):
        check_owner([tmp_path], os.geteuid() + 1, "millpond up")


@needs_root
def test_a_permission_error_names_path_owner_and_remedy(as_nobody: Path) -> None:
    lanes = as_nobody / "spool" / "lanes"
    with pytest.raises(PermissionError) as refused:
        (lanes / "new").mkdir()

    message = str(FileError(refused.value))

    assert message == (
        f"{lanes}/new: EACCES, {lanes} belongs to 'root',"
        " but this process runs as 'nobody'\n"
        f"  hint: run as the owner, or change the owner: sudo chown -R nobody"
        f' {lanes} (docs/operations.md, "Files of another user")'
    )


@needs_root
def test_a_file_of_another_user_is_named_in_the_error(as_nobody: Path) -> None:
    with (
        pytest.raises(ForeignFileError) as caught,
        naming_foreign_files([as_nobody / "spool"]),
    ):
        raise MillpondError("open events: OSError", hint="see the disk")

    lanes = as_nobody / "spool" / "lanes"
    assert caught.value.message == (
        f"open events: OSError; {lanes} belongs to 'root',"
        " but this process runs as 'nobody'"
    )


@needs_root
def test_an_error_that_names_the_file_is_unchanged(as_nobody: Path) -> None:
    refused = PermissionError(13, "", str(as_nobody / "spool" / "lanes"))
    problem = MillpondError("load", hint=remedy(refused))
    places = [as_nobody / "spool"]
    with pytest.raises(MillpondError) as caught, naming_foreign_files(places):
        raise problem

    assert caught.value is problem


def test_without_a_foreign_file_errors_are_unchanged(tmp_path: Path) -> None:
    class OtherProcessError(Busy, MillpondError):
        pass

    problem = MillpondError("open events: damaged")
    for error in (problem, OtherProcessError("load: busy"), FileNotFoundError(2, "")):
        with pytest.raises(type(error)) as caught, naming_foreign_files([tmp_path]):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(OSError(5, "", "x"), "EIO", id="the disk"),
        pytest.param(PermissionError(13, ""), "EACCES", id="no path"),
        pytest.param(OSError("odd"), "OSError", id="no number"),
    ],
)
def test_other_errors_have_their_system_name(error: OSError, text: str) -> None:
    assert reason(error) == text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, ""), "a file: ENOSPC\n  hint: free some space"),
        (OSError(30, "", "x"), f"x: EROFS\n  hint: {READ_ONLY}"),
        (OSError(5, "", "/srv/x"), "/srv/x: EIO"),
    ],
)
def test_a_system_error_has_a_message_and_a_hint(error: OSError, message: str) -> None:
    assert is_file_error(error)
    assert str(FileError(error)) == message
    assert not is_file_error(BrokenPipeError(32, ""))
    assert not is_file_error(ValueError())


def test_a_wrong_path_is_no_unexpected_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("millpond.toml").write_text(CONFIG)
    Path("data").write_text("in the way")

    code = run(["warehouse", "build"])

    assert code == 3
    assert "report this line" not in capsys.readouterr().err
