"""What several tests of the batcher need."""

import time

import pytest


@pytest.fixture
def now_s() -> float:
    """Return the real time, for what a server judges by its own clock."""
    return time.clock_gettime(time.CLOCK_REALTIME)
