"""A state or lock file that was replaced is named with what to do, or does no harm."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import millpond
import proxy.doctor.examine
import reports.cli
import reports.terminal.overview
from tests.damaged import make_installation

__all__ = ["proxy", "reports"]

NOBODY = 65_534
LOG_LINE = '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
TABLES = ("events", "ledger")
# Each with a command that uses it.
LOAD, BUILD = ("batcher", "drain"), ("warehouse", "build", "--full")
RETAIN, COMPACT = ("warehouse", "retain"), ("warehouse", "compact")
IMPORT = ("import", "access-log", "log", "--site", "shop")
FILES = {
    "keys/shop.key": IMPORT,
    "keys/shop.commitment": IMPORT,
    "spool/keys/shop.commitment": LOAD,
    "spool/keys/record.lock": ("batcher", "accept-keys", "--yes"),
    "spool/lanes/import/owner.lock": IMPORT,
    "spool/lanes/import/recovery.lock": LOAD,
    "spool/lanes/lane-000/owner.lock": LOAD,
    "spool/load.lock": LOAD,
    "spool/load-plan.json": LOAD,
    "spool/load-drops-0000000001.json": LOAD,
    "spool/seal-request": LOAD,
    "spool/warehouse-id": LOAD,
    "spool/import-shop.json": IMPORT,
    "warehouse/build.lock": BUILD,
    "warehouse/_retention.lock": RETAIN,
    "warehouse/tables.json": BUILD,
    **{f"warehouse/{table}/_writers.lock": COMPACT for table in TABLES},
    **{f"warehouse/{table}/_settled": COMPACT for table in TABLES},
}
# Without these nothing stops: their loss is a warning, or they are made again.
HARMLESS = {
    "spool/jobs.json": ("warehouse", "info"),
    "warehouse/clock": ("warehouse", "info"),
    "warehouse/clock.copy": ("warehouse", "info"),
}


class Place:
    """An installation that each test gets as it was first."""

    def __init__(self, folder: Path) -> None:
        self._saved = folder / "saved"
        self.root = folder / "installation"
        make_installation(self.root)
        (self.root / "log").write_text(LOG_LINE)
        for command in (IMPORT, ("batcher", "accept-keys", "--yes"), LOAD, RETAIN):
            self.run(command)
        shutil.copytree(self.root, self._saved)

    def reset(self) -> None:
        """Make it as it was."""
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root)

    def run(self, command: tuple[str, ...]) -> tuple[int, str]:
        """Return the exit code of a command, and all it printed."""
        words = [str(self.root / each) if each == "log" else each for each in command]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = millpond.run([*words, "--config", str(self.root / "millpond.toml")])
        return code, printed.getvalue()


@pytest.fixture(scope="module")
def made() -> Iterator[Place]:
    # Another user must be able to enter it.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Place(folder)
    shutil.rmtree(folder)


@pytest.fixture
def place(made: Place) -> Place:
    made.reset()
    return made


def put_directory(path: Path) -> None:
    path.mkdir()


def put_garbage(path: Path) -> None:
    path.write_bytes(b"\xff\x00garbage{")


def put_nothing(path: Path) -> None:
    path.touch()


def replaced(path: Path, put: Callable[[Path], None]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.unlink(missing_ok=True)
    put(path)


def refused_with(name: str) -> int:
    """Return the exit code where a file cannot be read."""
    # A key that cannot be read stops the supervisor, as decision 64 says.
    return 2 if name.startswith("keys/") else 3


@pytest.mark.parametrize("name", FILES)
def test_a_directory_in_its_place_is_named_with_what_to_do(
    place: Place, name: str
) -> None:
    path = place.root / name
    replaced(path, put_directory)
    code, said = place.run(FILES[name])

    assert code == refused_with(name), said
    assert f"{path} is a directory, but should be a file" in said
    assert "hint: move it away" in said


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("spool/batcher-run.lock", ("batcher", "run")),
        ("warehouse/up.lock", ("up",)),
        ("spool/proxy-run.lock", ("proxy", "run")),
    ],
)
def test_a_directory_in_place_of_a_processes_lock_is_named(
    place: Place, name: str, command: tuple[str, ...]
) -> None:
    (place.root / name).mkdir()
    config = str(place.root / "millpond.toml")
    ended = subprocess.run(
        [sys.executable, "-m", "millpond", *command, "--config", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 3, ended.stderr
    assert f"{place.root / name} is a directory, but should be a file" in ended.stderr
    assert "hint: move it away" in ended.stderr


@pytest.mark.parametrize("put", [put_garbage, put_nothing])
@pytest.mark.parametrize("name", FILES)
def test_garbage_in_its_place_is_named_or_does_no_harm(
    place: Place, name: str, put: Callable[[Path], None]
) -> None:
    path = place.root / name
    replaced(path, put)
    code, said = place.run(FILES[name])

    assert code in (0, 2, 3), said
    assert code == 0 or (str(path) in said and "hint: " in said), said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
# Who asks for segments to be sealed replaces the file, and needs no right to it.
@pytest.mark.parametrize("name", sorted(FILES.keys() - {"spool/seal-request"}))
def test_one_of_another_user_is_named_with_its_owner(place: Place, name: str) -> None:
    path = place.root / name
    if not path.exists():
        replaced(path, put_nothing)
    for each in (place.root, *place.root.rglob("*")):
        os.chown(each, NOBODY, NOBODY)
    os.chown(path, 0, 0)
    path.chmod(0o600)
    os.seteuid(NOBODY)
    try:
        code, said = place.run(FILES[name])
    finally:
        os.seteuid(0)

    assert code == refused_with(name), said
    assert f"{path} belongs to 'root', but this process runs as 'nobody'" in said
    assert "hint: run as the owner" in said


@pytest.mark.parametrize("put", [put_directory, put_garbage, put_nothing])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_remembered_stops_nothing(
    place: Place, name: str, put: Callable[[Path], None]
) -> None:
    replaced(place.root / name, put)
    codes = [place.run(each)[0] for each in (LOAD, BUILD, HARMLESS[name])]

    assert codes == [0, 0, 0]


@pytest.mark.parametrize("name", ["keys/shop.key", "spool/keys/shop.commitment"])
def test_the_doctor_names_it_and_looks_at_all_else(place: Place, name: str) -> None:
    replaced(place.root / name, put_directory)
    code, said = place.run(("proxy", "doctor"))

    assert code == 1
    assert "is a directory" in " ".join(said.split())
    assert "running proxy" in said
