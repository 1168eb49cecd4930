"""How far an import has come, so that an interrupted one goes on, exactly once.

Kept beside the spool until the import is done, written before each group of lines is
committed: it says what holds if that group is on the disk, and what holds if not.
Each group is a segment of its own, so the newest segment's number decides. Files are
named by a keyed hash, because their text is personal.
"""

import hashlib
import zlib
from datetime import date
from pathlib import Path

import msgspec

from batcher.durable import remove_durable, write_durable
from config.errors import MillpondError


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


class Tally(msgspec.Struct):
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


class State(msgspec.Struct):
    """What an import knows; *markers* are those of its salts, once they must go."""

    duplicates_before: int
    files: dict[str, FileProgress] = {}
    tally: Tally = msgspec.field(default_factory=Tally)
    markers: list[str] = []


class _Kept(msgspec.Struct):
    """The state that holds, or *pending* if a segment after *newest* exists."""

    confirmed: State
    pending: State | None = None
    newest: int = 0


class ImportProgress:
    """The state of one site's import, and its file."""

    def __init__(self, path: Path, key: bytes, newest: int, duplicates: int) -> None:
        self._path = path
        self._key = key
        self._newest = newest
        self._confirmed = State(duplicates)
        self.is_resumed = path.exists()
        if self.is_resumed:
            kept = _decode(path)
            landed = kept.pending is not None and newest > kept.newest
            self._confirmed = (kept.pending if landed else None) or kept.confirmed
        self.state = _copy(self._confirmed)
        self.save()

    def file(self, path: Path, head: bytes) -> FileProgress:
        """Return the progress in the file at *path*, which begins with *head*."""
        named = hashlib.blake2b(head, key=self._key, digest_size=16)
        named.update(bytes(path.resolve()))
        return self.state.files.setdefault(named.hexdigest(), FileProgress())

    def begin(self) -> None:
        """Record, durably, what will hold once the next segment is on the disk."""
        self._write(_Kept(self._confirmed, self.state, self._newest))

    def confirm(self, number: int) -> None:
        """Note that segment *number* holds all of the state."""
        self._newest = number
        self._confirmed = _copy(self.state)

    def save(self) -> None:
        """Record, durably, that the state holds."""
        self._confirmed = _copy(self.state)
        self._write(_Kept(self._confirmed))

    def finish(self) -> None:
        """Forget it all: the import is complete."""
        remove_durable(self._path)

    def _write(self, kept: _Kept) -> None:
        write_durable(self._path, _encode(kept), mode=0o600)


def _encode(kept: _Kept) -> bytes:
    """Return the text of *kept* and, on a line of its own, its checksum."""
    text = msgspec.json.encode(kept)
    return b"%s\n%08x\n" % (text, zlib.crc32(text))


def _decode(path: Path) -> _Kept:
    """Return what is kept in *path*; a wrong position would skip lines unnoticed."""
    content = path.read_bytes()
    text, separator, _ = content.partition(b"\n")
    # Earlier versions wrote the text alone.
    if separator and content != b"%s\n%08x\n" % (text, zlib.crc32(text)):
        raise ProgressDamagedError(path)
    try:
        return msgspec.json.decode(text, type=_Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ProgressDamagedError(path) from None


def _copy(state: State) -> State:
    return msgspec.json.decode(msgspec.json.encode(state), type=State)
