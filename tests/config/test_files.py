"""A command that writes runs only as the owner of the data, and errors say whose."""

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
    """Return a folder of another user, which that user can reach."""
    found = Path(tempfile.mkdtemp())
    found.chmod(0o755)
    (found / "spool").mkdir()
    for path in (found, found / "spool"):
        os.chown(path, NOBODY, NOBODY)
    yield found
    shutil.rmtree(found)


@pytest.fixture
def as_nobody(folder: Path) -> Iterator[Path]:
    """Be that user; in the folder is a directory of root's."""
    (folder / "spool" / "lanes").mkdir(mode=0o755)
    (folder / "spool" / "lanes" / "next").write_text("1")
    os.seteuid(NOBODY)
    yield folder
    os.seteuid(0)


@needs_root
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
@pytest.mark.parametrize("place", ["spool", "warehouse", "keys"])
def test_a_command_that_writes_refuses_another_users_data(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    place: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("millpond.toml").write_text(CONFIG)
    Path("log").write_text("")
    theirs = tmp_path / "data" / place
    theirs.mkdir(parents=True)
    os.chown(theirs, NOBODY, NOBODY)

    code = run(words)

    command = "millpond " + " ".join(words[:2] if len(words) > 1 else words)
    told = capsys.readouterr().err
    assert code == 2
    assert told.startswith(
        f"{command.replace(' ', ': ', 1)}: {theirs} belongs to 'nobody',"
        " but this process runs as 'root'\n"
        f"  hint: run it as their owner: sudo -u nobody {command} …"
    )
    assert ("setfacl" in told) == (words[0] == "import")
    assert [path.name for path in (tmp_path / "data").iterdir()] == [place]
    assert list(theirs.iterdir()) == []


def test_data_that_does_not_exist_yet_is_nobodys(tmp_path: Path) -> None:
    check_owner([tmp_path / "new"], NOBODY, "millpond up")
    with pytest.raises(OwnerError):
        check_owner([tmp_path], os.geteuid() + 1, "millpond up")


@needs_root
def test_an_error_of_rights_says_path_owner_and_what_to_do(as_nobody: Path) -> None:
    lanes = as_nobody / "spool" / "lanes"
    with pytest.raises(PermissionError) as refused:
        (lanes / "new").mkdir()

    told = str(FileError(refused.value))

    assert told == (
        f"{lanes}/new: EACCES, {lanes} belongs to 'root',"
        " but this process runs as 'nobody'\n"
        f"  hint: run as the owner, or change the owner: sudo chown -R nobody"
        f' {lanes} (docs/operations.md, "Files of another user")'
    )


@needs_root
def test_a_file_of_another_user_in_the_way_is_named(as_nobody: Path) -> None:
    with (
        pytest.raises(ForeignFileError) as told,
        naming_foreign_files([as_nobody / "spool"]),
    ):
        raise MillpondError("open events: OSError", hint="see the disk")

    lanes = as_nobody / "spool" / "lanes"
    assert told.value.message == (
        f"open events: OSError; {lanes} belongs to 'root',"
        " but this process runs as 'nobody'"
    )


@needs_root
def test_an_error_that_names_it_already_stays_as_it_is(as_nobody: Path) -> None:
    refused = PermissionError(13, "", str(as_nobody / "spool" / "lanes"))
    problem = MillpondError("load", hint=remedy(refused))
    places = [as_nobody / "spool"]
    with pytest.raises(MillpondError) as told, naming_foreign_files(places):
        raise problem

    assert told.value is problem


def test_without_such_a_file_errors_stay_as_they_are(tmp_path: Path) -> None:
    class ElsewhereError(Busy, MillpondError):
        pass

    problem = MillpondError("open events: damaged")
    for each in (problem, ElsewhereError("load: busy"), FileNotFoundError(2, "")):
        with pytest.raises(type(each)) as told, naming_foreign_files([tmp_path]):
            raise each
        assert told.value is each


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(OSError(5, "", "x"), "EIO", id="the disk"),
        pytest.param(PermissionError(13, ""), "EACCES", id="no path"),
        pytest.param(OSError("odd"), "OSError", id="no number"),
    ],
)
def test_other_errors_say_their_system_name(error: OSError, said: str) -> None:
    assert reason(error) == said


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, ""), "a file: ENOSPC\n  hint: free some space"),
        (OSError(30, "", "x"), f"x: EROFS\n  hint: {READ_ONLY}"),
        (OSError(5, "", "/srv/x"), "/srv/x: EIO"),
    ],
)
def test_what_the_system_refuses_is_told(error: OSError, told: str) -> None:
    assert is_file_error(error)
    assert str(FileError(error)) == told
    assert not is_file_error(BrokenPipeError(32, ""))
    assert not is_file_error(ValueError())


def test_a_path_that_is_missing_is_told_without_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("millpond.toml").write_text(CONFIG)
    Path("data").write_text("in the way")

    code = run(["warehouse", "build"])

    assert code == 3
    assert "report this line" not in capsys.readouterr().err
