"""The segment that a lane is writing: append durably, undo a failed append, seal.

After a failed write or fsync nothing more is appended. Linux marks the failed pages as
clean, so a later fsync could succeed without writing them. The segment is cut back to
its acknowledged length and sealed. Until that succeeds, no new segment is opened.

A file that was removed or moved is never loaded. So the file name is checked after each
group, before the group is acknowledged.
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
        self.length = 0  # durable and acknowledged bytes
        self.must_retire = False
        # Set once the file is sealed or removed: the directory to sync.
        self._changed_directory: Path | None = None

    def append(self, parts: Sequence[bytes]) -> None:
        """Return once all *parts*, in this order, are on the disk."""
        is_first = self.length == 0
        content = [self._header, *parts] if is_first else parts
        size_bytes = sum(map(len, content))
        # Cleared on success only: after any failure the tail must be cut off.
        self.must_retire = True
        _write_all(self._file, content, size_bytes)
        os.fdatasync(self._file)
        if is_first:
            sync_directory(self.path.parent)
        if not self._has_name():
            raise FileNotFoundError(errno.ENOENT, "the segment's file was removed")
        self.length += size_bytes
        self.must_retire = False

    def retire(self) -> bool:
        """Seal the acknowledged bytes, or remove the file if there are none.

        Returns False if the file was removed or moved. After an error, another call
        continues where this one stopped.
        """
        has_failed = self.must_retire
        self.must_retire = True
        if self._changed_directory is None:
            if has_failed:
                os.ftruncate(self._file, self.length)
                os.fsync(self._file)
            if not self._has_name():
                self.close()
                return False
            self._changed_directory = self._rename_or_remove()
        sync_directory(self._changed_directory)
        self.close()
        return True

    def _rename_or_remove(self) -> Path:
        """Rename or remove the file; return the directory, which must be synced."""
        if self.length:
            self.path.rename(sealed_path(self.path))
        else:
            self.path.unlink()
        return self.path.parent

    def close(self) -> None:
        """Close the file without changing it."""
        os.close(self._file)

    def _has_name(self) -> bool:
        """Return whether the path still leads to this file.

        The link count from fstat is not enough: it does not change if the file was
        moved, or sealed by another process.
        """
        try:
            return os.path.samestat(os.stat(self._name), self._identity)  # noqa: PTH116 - 1 µs less
        except FileNotFoundError:
            return False


def _write_all(file: int, parts: Sequence[bytes], size_bytes: int) -> None:
    written = os.writev(file, parts)
    if written == size_bytes:
        return
    # A nearly full disk accepts a part of a write. The next write raises the error.
    rest = memoryview(b"".join(parts))[written:]
    while rest:
        rest = rest[os.write(file, rest) :]
