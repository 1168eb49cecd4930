"""The npm package of the provider: its dependencies, and its build, created once."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.programs import need

CLIENT = Path(__file__).parents[3] / "clients" / "medusa"
_COMPILER = "node_modules/typescript/bin/tsc"


def need_packages(folder: Path, target: str) -> None:
    """Skip the test, or fail it with CI=true, if the locked packages are missing."""
    lock, marker = folder / "package-lock.json", folder / "node_modules" / ".taken"
    if marker.is_file() and marker.read_bytes() == lock.read_bytes():
        return
    reason = f"{folder.name}'s npm packages are not installed; `make {target}` does it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def built() -> Path:
    """Compile the provider once, also with racing processes; return its folder."""
    need("node")
    need_packages(CLIENT, "clients")
    with (CLIENT / "node_modules" / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = CLIENT / "node_modules" / ".built"
        if not stamp.is_file() or stamp.read_text() != _digest():
            shutil.rmtree(CLIENT / "dist", ignore_errors=True)
            run("node", _COMPILER, folder=CLIENT)
            stamp.write_text(_digest())
    return CLIENT


def run(
    *command: str | Path, folder: Path, env: Mapping[str, str] | None = None
) -> str:
    """Run a command that must succeed, and return its output."""
    ran = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _digest() -> str:
    sources = [*sorted((CLIENT / "src").rglob("*.ts")), CLIENT / "tsconfig.json"]
    # A removed build must change the digest.
    has_build = b"1" if (CLIENT / "dist" / "index.js").is_file() else b"0"
    content = b"\0".join(path.read_bytes() for path in sources)
    return hashlib.sha256(has_build + content).hexdigest()
