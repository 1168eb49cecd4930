"""The segment a lane is writing: append durably, take back what failed, seal.

After a failed write or fsync nothing more is appended: Linux marks the pages clean,
so a later fsync could succeed without them. The segment is cut back to what was
acknowledged and retired; until that works, no other may follow it.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from batcher.durable import sync_directory
from batcher.lanes import SEALED_SUFFIX
from batcher.segment import encode_header

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class OpenSegment:
    """One segment file that only this object writes; every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, _FLAGS, 0o644)
        self.length = 0  # bytes that are durable and acknowledged
        self.must_retire = False

    def append(self, parts: Sequence[bytes]) -> None:
        """Return once *parts*, in this order, are on the disk; all of them or none."""
        is_first = self.length == 0
        whole = [encode_header(), *parts] if is_first else parts
        size = sum(map(len, whole))
        # Only success clears it: whatever else happens, the tail is not to be kept.
        self.must_retire = True
        _write_all(self._file, whole, size)
        os.fdatasync(self._file)
        if is_first:
            sync_directory(self._path.parent)
        self.length += size
        self.must_retire = False

    def retire(self) -> None:
        """Seal what was acknowledged, or remove the file if nothing was.

        May be called again after an error, and goes on where it stopped.
        """
        is_damaged = self.must_retire
        self.must_retire = True
        if is_damaged:
            os.ftruncate(self._file, self.length)
            os.fsync(self._file)
        with contextlib.suppress(FileNotFoundError):
            if self.length:
                self._path.rename(self._path.with_suffix(SEALED_SUFFIX))
            else:
                self._path.unlink()
        sync_directory(self._path.parent)
        self.close()

    def close(self) -> None:
        """Leave the file as it is."""
        os.close(self._file)


def _write_all(file: int, parts: Sequence[bytes], size: int) -> None:
    written = os.writev(file, parts)
    if written == size:
        return
    # A disk about to be full takes a part of a write; the next one says why.
    rest = memoryview(b"".join(parts))[written:]
    while rest:
        rest = rest[os.write(file, rest) :]
