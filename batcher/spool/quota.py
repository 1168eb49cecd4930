"""The size limit of the spool: how many bytes may still be written."""

import errno
from collections.abc import Callable

from config.errors import MillpondError, Retryable

_RESCAN_S = 1.0
# Rescans take at most one part in this many of the time, even with many files.
_RESCAN_SHARE = 50
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class SpoolFullError(Retryable, MillpondError):
    """The spool has reached its size limit; no event of the group was stored."""


class SpoolQuota:
    """The limit for all writers of the spool together.

    Other writers' bytes are counted at the next scan. So the spool can exceed the limit
    by the bytes that they write between two scans. *scan* returns the size of the
    spool. The constructor and ``check`` raise its ``OSError``.
    """

    def __init__(
        self, scan: Callable[[], int], most_bytes: int, clock: Callable[[], float]
    ) -> None:
        self._scan = scan
        self._most_bytes = most_bytes
        self._clock = clock
        self._used_bytes = scan()
        self._rescan_at_s = clock()

    def check(self, size_bytes: int) -> None:
        """Raise ``SpoolFullError`` if *size_bytes* more would exceed the limit."""
        now_s = self._clock()
        if now_s >= self._rescan_at_s:
            self._rescan()
            took_s = self._clock() - now_s
            self._rescan_at_s = now_s + max(_RESCAN_S, took_s * _RESCAN_SHARE)
        if self._used_bytes + size_bytes > self._most_bytes:
            raise SpoolFullError(
                f"append to the spool: it is full ({self._most_bytes} bytes)",
                hint="check that the batcher runs; spool.max_bytes is the limit",
            )

    def add(self, size_bytes: int) -> None:
        """Count bytes that this process wrote."""
        self._used_bytes += size_bytes

    def _rescan(self) -> None:
        try:
            self._used_bytes = self._scan()
        except OSError as error:
            # A process without free descriptors can still append to its open segment.
            # Until the next scan, the last size plus its own writes are used.
            if error.errno not in _NO_DESCRIPTORS:
                raise
