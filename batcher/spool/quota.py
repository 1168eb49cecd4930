"""How much of the spool's size bound is left."""

import errno
from collections.abc import Callable

from config.errors import MillpondError, Retryable

_RESCAN_S = 1.0
# A rescan may take this part of the time between two, however many files there are.
_RESCAN_SHARE = 50
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class SpoolFullError(Retryable, MillpondError):
    """The spool has reached its size bound; nothing of the group was taken in."""


class Room:
    """The bound, counted for all writers of the spool together.

    Others' writes are seen at the next scan, so the bound can be passed by what they
    write in a second. *scan* returns the size of the spool; the constructor and
    ``check`` raise its ``OSError``.
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
        """Raise ``SpoolFullError`` where *size_bytes* more pass the bound."""
        now_s = self._clock()
        if now_s >= self._rescan_at_s:
            self._rescan()
            took_s = self._clock() - now_s
            self._rescan_at_s = now_s + max(_RESCAN_S, took_s * _RESCAN_SHARE)
        if self._used_bytes + size_bytes > self._most_bytes:
            raise SpoolFullError(
                f"append to the spool: it is full ({self._most_bytes} bytes)",
                hint="see that the batcher runs; spool.max_bytes is the bound",
            )

    def take(self, size_bytes: int) -> None:
        """Count what was written."""
        self._used_bytes += size_bytes

    def _rescan(self) -> None:
        try:
            self._used_bytes = self._scan()
        except OSError as error:
            # A process short of descriptors can still append to what it has open: the
            # last figure, and its own writes since, stand for the size.
            if error.errno not in _NO_DESCRIPTORS:
                raise
