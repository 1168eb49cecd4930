"""What a load asks about the keys of the segments it finds."""

from typing import Protocol

from batcher.load.read_segments import SegmentContent


class Keys(Protocol):
    """Knows the keys of the orders in the tables: see ``batcher.key_records``."""

    def refused(self, content: SegmentContent, now_s: float) -> frozenset[str] | None:
        """Return the sites whose key is another one; None where all may be loaded."""
