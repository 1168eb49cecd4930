"""Fixtures for several tests of the batcher."""

import time
from pathlib import Path

import pytest

from batcher.spool.spool import Spool
from warehouse.tables import Warehouse


@pytest.fixture
def now_s() -> float:
    """Return the real time, for servers that use their own clock."""
    return time.clock_gettime(time.CLOCK_REALTIME)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return Warehouse(tmp_path / "warehouse")
