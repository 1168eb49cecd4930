"""Wait for something a real process does, for a bounded time."""

import time
from collections.abc import Callable

_POLL_S = 0.01


def wait_until(
    condition: Callable[[], object], what: str, timeout_s: float = 60.0
) -> None:
    """Return once *condition* holds; fail naming *what* when it never does."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(_POLL_S)
