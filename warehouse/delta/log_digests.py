"""Digests that show whether the entries of a table's log are as written.

Each commit contains the SHA-256 of the log entry before it, so an entry is verified
with the next one. The file ``_settled`` has the digest of the newest entry, the file
``_checkpoint`` the digest of the newest checkpoint. Both are called notes here. A note
has its own checksum: a damaged note is ignored and causes no error.
"""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

LOG = "_delta_log"
SETTLED = "_settled"
CHECKPOINT = "_checkpoint"
LAST_CHECKPOINT = "_last_checkpoint"
# The key in a commit's metadata for the digest of the entry before it.
PREVIOUS = "previous"
_VERSION_DIGITS = 20
_UNKNOWN = "-"

Actions = list[dict[str, Any]]


class VersionDigest(NamedTuple):
    """A version, and the digest of its log file; None if the digest is not known."""

    version: int
    digest: str | None


NO_NOTE = VersionDigest(-1, None)


def entry_path(table: Path, version: int) -> Path:
    """Return the path of the log entry of *version*."""
    return table / LOG / f"{version:0{_VERSION_DIGITS}}.json"


def checkpoint_path(table: Path, version: int) -> Path:
    """Return the path of the checkpoint of *version*."""
    return table / LOG / f"{version:0{_VERSION_DIGITS}}.checkpoint.parquet"


def pointed_version(table: Path) -> int | None:
    """Return the version in the pointer to the newest checkpoint.

    None if the pointer is missing or damaged, or if its checkpoint does not exist.
    """
    try:
        pointer = msgspec.json.decode((table / LOG / LAST_CHECKPOINT).read_bytes())
        version = pointer["version"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # A changed bit may result in no text or in other JSON.
        return None
    exists = isinstance(version, int) and checkpoint_path(table, version).exists()
    return version if exists else None


def checkpoint_version(table: Path) -> int | None:
    """Return the version of the newest checkpoint, None without one.

    The pointer only saves listing the directory: without it Delta lists it too.
    """
    pointed = pointed_version(table)
    if pointed is not None:
        return pointed
    names = (path.name for path in (table / LOG).glob("*.checkpoint.parquet"))
    return max((int(name[:_VERSION_DIGITS]) for name in names), default=None)


def file_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file in hex, None if the file does not exist."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def decode_entry(content: bytes) -> Actions | None:
    """Return the actions of a log entry, None if the entry is torn."""
    try:
        actions = [msgspec.json.decode(line) for line in content.splitlines()]
    except ValueError:
        return None
    is_whole = bool(actions) and all(isinstance(action, dict) for action in actions)
    return actions if is_whole else None


def read_entry(table: Path, version: int) -> Actions | None:
    """Return the actions of a log entry, None if the entry is missing or torn."""
    try:
        return decode_entry(entry_path(table, version).read_bytes())
    except FileNotFoundError:
        return None


def damaged_versions(table: Path, first: int, last: int) -> Iterator[int]:
    """Yield the versions from *last* down to *first* whose entry is damaged.

    An entry without a known digest passes: an earlier version of Millpond or another
    program wrote it, or it is the newest and its writer has not written the note yet.
    """
    note = read_note(table / SETTLED)
    if note.version == last:
        expected = note.digest
    else:
        expected = _digest_before(read_entry(table, last + 1))
    for version in range(last, first - 1, -1):
        try:
            content = entry_path(table, version).read_bytes()
        except FileNotFoundError:
            content = b""
        actions = decode_entry(content)
        digest = hashlib.sha256(content).hexdigest()
        if actions is None or (expected is not None and digest != expected):
            yield version
            expected = None
        else:
            expected = _digest_before(actions)


def is_checkpoint_damaged(table: Path, version: int) -> bool:
    """Return whether the checkpoint of *version* is known to be damaged."""
    note = read_note(table / CHECKPOINT)
    if note.version != version or note.digest is None:
        return False
    return file_digest(checkpoint_path(table, version)) != note.digest


def _digest_before(actions: Actions | None) -> str | None:
    """Return the digest of the entry before, as the entry of *actions* recorded it."""
    digests = (
        action["commitInfo"].get(PREVIOUS)
        for action in actions or []
        if _has_info(action)
    )
    digest = next(digests, None)
    return digest if isinstance(digest, str) else None


def _has_info(action: dict[str, Any]) -> bool:
    return isinstance(action.get("commitInfo"), dict)


def read_note(path: Path) -> VersionDigest:
    """Return the note at *path*; ``NO_NOTE`` if it is missing or damaged."""
    try:
        text = path.read_text(encoding="ascii").strip()
        if text.isdecimal():
            # Earlier versions of Millpond wrote only the version.
            return VersionDigest(int(text), None)
        version, digest, checksum = text.split()
        is_whole = int(checksum) == _checksum(version, digest)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return NO_NOTE
    if not is_whole:
        return NO_NOTE
    return VersionDigest(int(version), None if digest == _UNKNOWN else digest)


def encode_note(note: VersionDigest) -> bytes:
    """Return the bytes of a note: version, digest, and the CRC-32 of both."""
    digest = note.digest or _UNKNOWN
    checksum = _checksum(str(note.version), digest)
    return f"{note.version} {digest} {checksum}\n".encode()


def _checksum(version: str, digest: str) -> int:
    return zlib.crc32(f"{version} {digest}".encode())
