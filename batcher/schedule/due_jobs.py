"""The queue of due jobs: by priority, and no job waits without end."""

import threading
from collections.abc import Sequence


class DueJobs:
    """The names of the jobs that are due, each at most once.

    The order of *names* is the priority. When another job is taken first, a waiting job
    moves up by one. So a busy load cannot starve the jobs behind it.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(names)}
        self._passed_over: dict[str, int] = {}
        self._closed = False
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        """Mark *name* as due; no effect if it is already due."""
        with self._changed:
            self._passed_over.setdefault(name, 0)
            self._changed.notify_all()

    def discard(self, name: str) -> None:
        """Mark *name* as not due."""
        with self._changed:
            self._passed_over.pop(name, None)

    def close(self) -> None:
        """Let ``take`` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> str | None:
        """Wait for a due job, remove it and return its name; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._passed_over)
            if self._closed:
                return None
            chosen = min(self._passed_over, key=self._urgency)
            del self._passed_over[chosen]
            for name in self._passed_over:
                self._passed_over[name] += 1
            return chosen

    def _urgency(self, name: str) -> tuple[int, int]:
        rank = self._rank[name]
        return rank - self._passed_over[name], rank
