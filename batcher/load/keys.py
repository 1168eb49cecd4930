"""How a load asks whether the site keys of a segment are the recorded keys."""

from typing import Protocol

from batcher.load.read_segments import SegmentContent


class Keys(Protocol):
    """The recorded site keys; ``batcher.key_records`` implements it."""

    def refused_sites(
        self, content: SegmentContent, now_s: float
    ) -> frozenset[str] | None:
        """Return the sites for which *content* has another key.

        None means that *content* may be loaded. An empty set refuses *content*,
        because it names no key.
        """
