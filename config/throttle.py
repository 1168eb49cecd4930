"""Limits how often a log line is written, so that many failures fill no disk."""


class Throttle:
    """Counts occurrences, and reports the count at most once in *every_s* seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._reported_at_s: float | None = None
        self._unreported = 0

    def count(self, now_s: float) -> int:
        """Count one occurrence; return the count since the last report if one is due.

        Returns 0 while the last report is less than *every_s* seconds ago.
        """
        self._unreported += 1
        last_s = self._reported_at_s
        # A clock that was set back must not suppress reports.
        if last_s is not None and 0 <= now_s - last_s < self._every_s:
            return 0
        self._reported_at_s = now_s
        count, self._unreported = self._unreported, 0
        return count
