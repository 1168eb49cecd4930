"""How far an import has come, so that an interrupted one goes on, exactly once.

Kept beside the spool until the import is done, written before each group of lines is
committed: it says what holds if that group is on the disk, and what holds if not. It
names the last frame of the group, so whether that frame is anywhere decides. Files
are named by a keyed hash, because their text is personal.
"""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from batcher.spool.segment import FrameId
from config.errors import MillpondError
from warehouse.checked_file import DamagedFileError, read_checked, write_checked
from warehouse.durable import remove_durable


class ProgressDamagedError(MillpondError):
    """Nobody knows how far the import has come."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"resume the import: {path} is damaged",
            hint="remove it and import the same files again: each pageview counts once",
        )


class FileProgress(msgspec.Struct):
    """One file: where to go on in its text, and what its lines were like."""

    offset: int = 0
    lines: int = 0
    readable: int = 0


class LineCounts(msgspec.Struct):
    """What became of the lines of an import."""

    lines: int = 0
    events: int = 0
    skipped: dict[str, int] = {}
    dropped: dict[str, int] = {}
    first: date | None = None
    last: date | None = None

    def count_event(self, day: date) -> None:
        """Count an event of *day*."""
        self.events += 1
        self.first = day if self.first is None else min(day, self.first)
        self.last = day if self.last is None else max(day, self.last)


class ImportState(msgspec.Struct):
    """What an import knows; *markers* are those of its salts, once they must go."""

    duplicates_before: int
    files: dict[str, FileProgress] = {}
    tally: LineCounts = msgspec.field(default_factory=LineCounts)
    markers: list[str] = []


class _StoredState(msgspec.Struct):
    """The state that holds, or *pending* if *frame* reached the disk."""

    confirmed: ImportState
    pending: ImportState | None = None
    frame: FrameId | None = None


class ImportProgress:
    """The state of one site's import, and its file."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        duplicates: int,
        *,
        is_durable: Callable[[FrameId], bool],
    ) -> None:
        self._path = path
        self._key = key
        self._confirmed = ImportState(duplicates)
        self.is_resumed = path.exists()
        if self.is_resumed:
            kept = _read(path)
            landed = kept.frame is not None and is_durable(kept.frame)
            self._confirmed = (kept.pending if landed else None) or kept.confirmed
        self.state = _copy(self._confirmed)
        self.save()

    def file(self, path: Path, head: bytes) -> FileProgress:
        """Return the progress in the file at *path*, which begins with *head*."""
        named = hashlib.blake2b(head, key=self._key, digest_size=16)
        named.update(bytes(path.resolve()))
        return self.state.files.setdefault(named.hexdigest(), FileProgress())

    def begin(self, frame: FrameId | None) -> None:
        """Record, durably, what will hold once *frame* is on the disk."""
        self._write(_StoredState(self._confirmed, self.state, frame))

    def confirm(self) -> None:
        """Note that the group just begun is on the disk."""
        self._confirmed = _copy(self.state)

    def save(self) -> None:
        """Record, durably, that the state holds."""
        self._confirmed = _copy(self.state)
        self._write(_StoredState(self._confirmed))

    def finish(self) -> None:
        """Forget it all: the import is complete."""
        remove_durable(self._path)

    def _write(self, kept: _StoredState) -> None:
        write_checked(self._path, kept, mode=0o600)


def _read(path: Path) -> _StoredState:
    try:
        return read_checked(path, _StoredState)
    except DamagedFileError:
        raise ProgressDamagedError(path) from None


def _copy(state: ImportState) -> ImportState:
    return msgspec.json.decode(msgspec.json.encode(state), type=ImportState)
