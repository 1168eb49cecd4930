"""Which job runs next: one at a time, by priority, and none waits for ever."""

import threading
from collections.abc import Sequence


class DueJobs:
    """Names of jobs that are due, each at most once, handed out one by one.

    The order of *names* is the priority. Each time a job is passed over it moves up by
    one, so that a busy load cannot starve the jobs behind it.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(names)}
        self._passed_over: dict[str, int] = {}
        self._closed = False
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        """Note that *name* is due; if it waits already, once is enough."""
        with self._changed:
            self._passed_over.setdefault(name, 0)
            self._changed.notify_all()

    def discard(self, name: str) -> None:
        """Forget that *name* is due, if it was."""
        with self._changed:
            self._passed_over.pop(name, None)

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> str | None:
        """Wait for a job that is due and return its name; None once closed."""
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
