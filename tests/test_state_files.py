"""A replaced state or lock file is named with what to do, or does no harm."""

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
from tests.sample_installation import make_installation

__all__ = ["proxy", "reports"]

NOBODY = 65_534
LOG_LINE = '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
TABLES = ("events", "ledger")
# Each file with a command that uses it.
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
    "warehouse/site-zones.json": LOAD,
    **{f"warehouse/{table}/_writers.lock": COMPACT for table in TABLES},
    **{f"warehouse/{table}/_settled": COMPACT for table in TABLES},
}
# Commands also work without these: they warn, or create the file again.
HARMLESS = {
    "spool/jobs.json": ("warehouse", "info"),
    "warehouse/clock": ("warehouse", "info"),
    "warehouse/clock.copy": ("warehouse", "info"),
}


class ResettableInstallation:
    """An installation that can be reset for each test."""

    def __init__(self, folder: Path) -> None:
        self._saved = folder / "saved"
        self.root = folder / "installation"
        make_installation(self.root)
        (self.root / "log").write_text(LOG_LINE)
        for command in (IMPORT, ("batcher", "accept-keys", "--yes"), LOAD, RETAIN):
            self.run(command)
        shutil.copytree(self.root, self._saved)

    def reset(self) -> None:
        """Restore the original state."""
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root)

    def run(self, command: tuple[str, ...]) -> tuple[int, str]:
        """Return the exit code of a command, and its output."""
        words = [str(self.root / word) if word == "log" else word for word in command]
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = millpond.run([*words, "--config", str(self.root / "millpond.toml")])
        return code, output.getvalue()


@pytest.fixture(scope="module")
def shared_installation() -> Iterator[ResettableInstallation]:
    # Another user must be able to enter the folder.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield ResettableInstallation(folder)
    shutil.rmtree(folder)


@pytest.fixture
def installation(shared_installation: ResettableInstallation) -> ResettableInstallation:
    shared_installation.reset()
    return shared_installation


def put_directory(path: Path) -> None:
    path.mkdir()


def put_garbage(path: Path) -> None:
    path.write_bytes(b"\xff\x00garbage{")


def put_nothing(path: Path) -> None:
    path.touch()


def replace(path: Path, put: Callable[[Path], None]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.unlink(missing_ok=True)
    put(path)


def refusal_exit_code(name: str) -> int:
    """Return the exit code if the file *name* cannot be read."""
    # An unreadable key is a configuration error: decision 64.
    return 2 if name.startswith("keys/") else 3


@pytest.mark.parametrize("name", FILES)
def test_a_directory_in_place_of_a_file_is_named_with_what_to_do(
    installation: ResettableInstallation, name: str
) -> None:
    path = installation.root / name
    replace(path, put_directory)
    code, output = installation.run(FILES[name])

    assert code == refusal_exit_code(name), output
    assert f"{path} is a directory, but should be a file" in output
    assert "hint: move the directory away" in output


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("spool/batcher-run.lock", ("batcher", "run")),
        ("warehouse/up.lock", ("up",)),
        ("spool/proxy-run.lock", ("proxy", "run")),
    ],
)
def test_a_directory_in_place_of_a_process_lock_is_named(
    installation: ResettableInstallation, name: str, command: tuple[str, ...]
) -> None:
    (installation.root / name).mkdir()
    config = str(installation.root / "millpond.toml")
    ended = subprocess.run(
        [sys.executable, "-m", "millpond", *command, "--config", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 3, ended.stderr
    assert (
        f"{installation.root / name} is a directory, but should be a file"
        in ended.stderr
    )
    assert "hint: move the directory away" in ended.stderr


@pytest.mark.parametrize("put", [put_garbage, put_nothing])
@pytest.mark.parametrize("name", FILES)
def test_garbage_in_place_of_a_file_is_named_or_does_no_harm(
    installation: ResettableInstallation, name: str, put: Callable[[Path], None]
) -> None:
    path = installation.root / name
    replace(path, put)
    code, output = installation.run(FILES[name])

    assert code in (0, 2, 3), output
    assert code == 0 or (str(path) in output and "hint: " in output), output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
# A seal request replaces the file, so a process needs no permission for the old one.
@pytest.mark.parametrize("name", sorted(FILES.keys() - {"spool/seal-request"}))
def test_a_file_of_another_user_is_named_with_its_owner(
    installation: ResettableInstallation, name: str
) -> None:
    path = installation.root / name
    if not path.exists():
        replace(path, put_nothing)
    for path_below in (installation.root, *installation.root.rglob("*")):
        os.chown(path_below, NOBODY, NOBODY)
    os.chown(path, 0, 0)
    path.chmod(0o600)
    os.seteuid(NOBODY)
    try:
        code, output = installation.run(FILES[name])
    finally:
        os.seteuid(0)

    assert code == refusal_exit_code(name), output
    assert f"{path} belongs to 'root', but this process runs as 'nobody'" in output
    assert "hint: run as the owner" in output


@pytest.mark.parametrize("put", [put_directory, put_garbage, put_nothing])
@pytest.mark.parametrize("name", HARMLESS)
def test_a_damaged_harmless_file_stops_no_command(
    installation: ResettableInstallation, name: str, put: Callable[[Path], None]
) -> None:
    replace(installation.root / name, put)
    codes = [installation.run(command)[0] for command in (LOAD, BUILD, HARMLESS[name])]

    assert codes == [0, 0, 0]


@pytest.mark.parametrize("name", ["keys/shop.key", "spool/keys/shop.commitment"])
def test_the_doctor_names_the_directory_and_checks_the_rest(
    installation: ResettableInstallation, name: str
) -> None:
    replace(installation.root / name, put_directory)
    code, output = installation.run(("proxy", "doctor"))

    assert code == 1
    assert "is a directory" in " ".join(output.split())
    assert "running proxy" in output
