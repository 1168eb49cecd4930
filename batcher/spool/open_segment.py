"""The segment a lane is writing: append durably, take back what failed, seal.

After a failed write or fsync nothing more is appended: Linux marks the pages clean,
so a later fsync could succeed without them. The segment is cut back to what was
acknowledged and retired; until that works, no other may follow it.

A file whose name was taken away is nobody's: what is appended to it would be
acknowledged and never loaded. So the name is looked up after each group.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from batcher.spool.lane_files import sealed_path
from warehouse.durable import FILE_MODE, sync_directory

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class OpenSegment:
    """One segment file that only this object writes; every method may raise OSError."""

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        self._header = header
        self._name = str(path)
        self._file = os.open(path, _FLAGS, FILE_MODE)
        self._identity = os.fstat(self._file)
        self.length = 0  # bytes that are durable and acknowledged
        self.must_retire = False
        self._end: Path | None = None  # set once the file is sealed or removed

    def append(self, parts: Sequence[bytes]) -> None:
        """Return once *parts*, in this order, are on the disk; all of them or none."""
        is_first = self.length == 0
        whole = [self._header, *parts] if is_first else parts
        size = sum(map(len, whole))
        # Only success clears it: whatever else happens, the tail is not to be kept.
        self.must_retire = True
        _write_all(self._file, whole, size)
        os.fdatasync(self._file)
        if is_first:
            sync_directory(self.path.parent)
        if not self._has_name():
            raise FileNotFoundError(errno.ENOENT, "the segment lost its name")
        self.length += size
        self.must_retire = False

    def retire(self) -> bool:
        """Seal what was acknowledged, or remove the file if nothing was.

        Returns False where the file has lost its name, so that there is nothing to
        seal. May be called again after an error, and goes on where it stopped.
        """
        is_damaged = self.must_retire
        self.must_retire = True
        if self._end is None:
            if is_damaged:
                os.ftruncate(self._file, self.length)
                os.fsync(self._file)
            if not self._has_name():
                self.close()
                return False
            self._end = self._give_name()
        sync_directory(self._end)
        self.close()
        return True

    def _give_name(self) -> Path:
        """Seal or remove the file; return the directory that must be durable."""
        if self.length:
            self.path.rename(sealed_path(self.path))
        else:
            self.path.unlink()
        return self.path.parent

    def close(self) -> None:
        """Leave the file as it is."""
        os.close(self._file)

    def _has_name(self) -> bool:
        """Return whether the name still leads to this file.

        Looking up the name also finds a file that was moved, or sealed by another:
        fstat alone would count it as linked.
        """
        try:
            return os.path.samestat(os.stat(self._name), self._identity)  # noqa: PTH116 - 1 µs less
        except FileNotFoundError:
            return False


def _write_all(file: int, parts: Sequence[bytes], size: int) -> None:
    written = os.writev(file, parts)
    if written == size:
        return
    # A disk about to be full takes a part of a write; the next one says why.
    rest = memoryview(b"".join(parts))[written:]
    while rest:
        rest = rest[os.write(file, rest) :]
