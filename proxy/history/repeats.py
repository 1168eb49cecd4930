"""Tells identical page views of one log file apart by counting them."""

_GENERATION_SIZE = 50_000


class RepeatCounter:
    """Counts the earlier page views of a file that are identical.

    Two generations limit the memory: a page view is remembered while at least 50,000
    and at most 100,000 different ones follow.
    """

    def __init__(self) -> None:
        self._new: dict[str, int] = {}
        self._old: dict[str, int] = {}

    def count(self, page_view: str) -> int:
        """Return how many identical page views came before, and count this one."""
        earlier = self._new.get(page_view)
        if earlier is None:
            earlier = self._old.get(page_view, 0)
        self._new[page_view] = earlier + 1
        if len(self._new) >= _GENERATION_SIZE:
            self._old, self._new = self._new, {}
        return earlier
