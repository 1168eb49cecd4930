"""Wait for a condition, for a limited time."""

import time
from collections.abc import Callable

_POLL_S = 0.01


def wait_until(
    condition: Callable[[], object], what: str, timeout_s: float = 60.0
) -> None:
    """Return once *condition* holds; on a timeout fail with the name *what*."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f"waited {timeout_s:g} s without success for {what}")
        time.sleep(_POLL_S)
