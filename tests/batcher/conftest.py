"""Fixtures for several tests of the batcher."""

import time

import pytest


@pytest.fixture
def now_s() -> float:
    """Return the real time, for servers that use their own clock."""
    return time.clock_gettime(time.CLOCK_REALTIME)
