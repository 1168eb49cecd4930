"""The progress of an import, so that an interrupted import counts each line once.

The progress file stays in the spool directory until the import is complete. Before each
group of lines is committed, the file is written with two states: one holds if the group
is durable, the other if it is not. The file names the last frame of the group. After an
interruption, the importer looks for that frame to know which state holds. A keyed hash
identifies each log file, because its text is personal.
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

_NAMED_LINES = 3


class ProgressDamagedError(MillpondError):
    """The progress of the import is unknown."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"resume the import: {path} is damaged",
            hint="remove that file and import the same logs again: each pageview counts"
            " once",
        )


class FileProgress(msgspec.Struct):
    """The progress in one file: the next offset in its text, and counts of lines.

    *unreadable* has the numbers of the first unreadable lines.
    """

    offset: int = 0
    lines: int = 0
    readable: int = 0
    views: int = 0
    no_address: int = 0
    unreadable: list[int] = []

    def count_readable(self, *, is_readable: bool) -> None:
        """Count the current line as readable or not."""
        if is_readable:
            self.readable += 1
        elif len(self.unreadable) < _NAMED_LINES:
            self.unreadable.append(self.lines)


class LineCounts(msgspec.Struct):
    """The results of an import's lines.

    The last counts are page views: without an address, among them those with a private
    one; with a masked address; in a format without User-Agents. *measured* has the days
    that were left out because they are measured already.
    """

    lines: int = 0
    events: int = 0
    skipped: dict[str, int] = {}
    dropped: dict[str, int] = {}
    first: date | None = None
    last: date | None = None
    no_address: int = 0
    private: int = 0
    masked: int = 0
    no_agent: int = 0
    measured: list[date] = []

    def add_measured(self, day: date) -> None:
        """Note that *day* was left out."""
        if day not in self.measured:
            self.measured = sorted([*self.measured, day])

    def count_event(self, day: date) -> None:
        """Count an event of *day*."""
        self.events += 1
        self.first = day if self.first is None else min(day, self.first)
        self.last = day if self.last is None else max(day, self.last)


class ImportState(msgspec.Struct):
    """The state of an import; *markers* identify its salts once they are destroyed."""

    duplicates_before: int
    files: dict[str, FileProgress] = {}
    tally: LineCounts = msgspec.field(default_factory=LineCounts)
    markers: list[str] = []


class _StoredState(msgspec.Struct):
    """*pending* holds if *frame* is durable, *confirmed* if not."""

    confirmed: ImportState
    pending: ImportState | None = None
    frame: FrameId | None = None


class ImportProgress:
    """The state of one site's import, and the file it is stored in."""

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
            stored = _load(path)
            is_pending = stored.frame is not None and is_durable(stored.frame)
            self._confirmed = (
                stored.pending if is_pending else None
            ) or stored.confirmed
        self.state = _copy(self._confirmed)
        self.save()

    def file(self, path: Path, head: bytes) -> FileProgress:
        """Return the progress in the log file at *path*, which starts with *head*."""
        file_id = hashlib.blake2b(head, key=self._key, digest_size=16)
        file_id.update(bytes(path.resolve()))
        return self.state.files.setdefault(file_id.hexdigest(), FileProgress())

    def begin(self, frame: FrameId | None) -> None:
        """Store durably that the current state holds once *frame* is durable."""
        self._save(_StoredState(self._confirmed, self.state, frame))

    def confirm(self) -> None:
        """Note that the group of the last ``begin`` is durable."""
        self._confirmed = _copy(self.state)

    def save(self) -> None:
        """Store durably that the current state holds."""
        self._confirmed = _copy(self.state)
        self._save(_StoredState(self._confirmed))

    def finish(self) -> None:
        """Remove the progress file: the import is complete."""
        remove_durable(self._path)

    def _save(self, stored: _StoredState) -> None:
        write_checked(self._path, stored, mode=0o600)


def _load(path: Path) -> _StoredState:
    try:
        return read_checked(path, _StoredState)
    except DamagedFileError:
        raise ProgressDamagedError(path) from None


def _copy(state: ImportState) -> ImportState:
    return msgspec.json.decode(msgspec.json.encode(state), type=ImportState)
