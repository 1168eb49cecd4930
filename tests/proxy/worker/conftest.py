"""Settings with a port of their own, and a disk that is soon full."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import Settings
from tests.proxy.worker_process import reserved_port


@pytest.fixture
def port_settings(settings: Settings) -> Iterator[Settings]:
    """Return settings with a reserved port for a worker in this process."""
    with reserved_port() as port:
        yield replace(settings, proxy=replace(settings.proxy, port=port))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a mounted disk of 4 MB; skip the test without the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
