"""A temporary PostgreSQL cluster for one test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.medusa.provider_package import run
from tests.processes import free_ports

_DEBIAN = Path("/usr/lib/postgresql")
Command = tuple[str | Path, ...]

_FASTER = "-c fsync=off -c listen_addresses=127.0.0.1"


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the address of an empty database."""
    programs = _programs()
    # PostgreSQL refuses to run as root, and its user cannot enter the test folder.
    folder = Path(tempfile.mkdtemp(prefix="millpond-pg-"))
    as_owner = _as_owner(folder)
    control: Command = (*as_owner, programs / "pg_ctl", "-w", "-D", folder / "data")
    try:
        run(*as_owner, programs / "initdb", "-A", "trust", "-U", "shop",
            "-D", folder / "data", folder=folder)  # fmt: skip
        (port,) = free_ports(1)
        options = f"-p {port} -k {folder} {_FASTER}"
        run(*control, "-o", options, "-l", folder / "log", "start", folder=folder)
        try:
            run(programs / "createdb", "-h", "127.0.0.1", "-p", str(port),
                "-U", "shop", "medusa", folder=folder)  # fmt: skip
            yield f"postgres://shop@127.0.0.1:{port}/medusa"
        finally:
            run(*control, "-m", "immediate", "stop", folder=folder)
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    programs = sorted(_DEBIAN.glob("*/bin/initdb"))
    if programs:
        return programs[-1].parent
    reason = "PostgreSQL is not installed; `make soak` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _as_owner(folder: Path) -> Command:
    if os.getuid() != 0:
        return ()
    shutil.chown(folder, "postgres")
    return ("runuser", "-u", "postgres", "--")
