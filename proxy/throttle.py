"""Lets a log line through once a second, so that a flood of failures fills no disk."""


class OncePerSecond:
    """Counts what happens, and once a second says how often it has."""

    def __init__(self) -> None:
        self._second = 0
        self._held_back = 0

    def count(self, now_s: float) -> int:
        """Return how many there were since the last time; 0 within the same second."""
        self._held_back += 1
        if int(now_s) == self._second:
            return 0
        self._second = int(now_s)
        count, self._held_back = self._held_back, 0
        return count
