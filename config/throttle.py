"""Lets a log line through now and then, so that a flood of failures fills no disk."""


class Throttle:
    """Counts what happens, and says how often it has: once in *every_s* seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._said_at_s: float | None = None
        self._held_back = 0

    def count(self, now_s: float) -> int:
        """Return how many there were since the last time; 0 when that was just now."""
        self._held_back += 1
        said_at_s = self._said_at_s
        # A clock that was set back must not silence it.
        if said_at_s is not None and 0 <= now_s - said_at_s < self._every_s:
            return 0
        self._said_at_s = now_s
        count, self._held_back = self._held_back, 0
        return count
