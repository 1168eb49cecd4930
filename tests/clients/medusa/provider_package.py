"""The provider's npm package: what it needs, and its build, made once."""

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
    """Skip the test, or with CI=true fail it, unless the lock's packages are there."""
    lock, marker = folder / "package-lock.json", folder / "node_modules" / ".taken"
    if marker.is_file() and marker.read_bytes() == lock.read_bytes():
        return
    reason = f"{folder.name}'s npm packages are not installed; `make {target}` does it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def built() -> Path:
    """Return the provider's folder, compiled; processes that race compile it once."""
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
    """Run a command to its good end, and return what it printed."""
    ran = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _digest() -> str:
    sources = [*sorted((CLIENT / "src").rglob("*.ts")), CLIENT / "tsconfig.json"]
    # A build that somebody removed is none.
    has_build = b"1" if (CLIENT / "dist" / "index.js").is_file() else b"0"
    content = b"\0".join(path.read_bytes() for path in sources)
    return hashlib.sha256(has_build + content).hexdigest()
