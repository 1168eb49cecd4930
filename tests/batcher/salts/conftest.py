"""Fixtures for salt stores that are moved."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batcher.salts.salt_home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Yield a directory in memory that no other test uses."""
    directory = Path("/dev/shm") / f"millpond-test-{os.getpid()}-{tmp_path.name}"  # noqa: S108
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
