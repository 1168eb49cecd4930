"""Proof that the entries of a table's log are the ones that were written.

Each commit carries the SHA-256 of the log entry before it, so an entry is proved by
its successor. The newest entry is proved by the note ``_settled``, the newest
checkpoint by the note ``_checkpoint``. A note carries its own checksum: one that is
damaged proves nothing and stops nobody.
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
# The key of a commit's metadata that holds the digest of the entry before it.
PREVIOUS = "previous"
_VERSION_DIGITS = 20
_UNKNOWN = "-"

Actions = list[dict[str, Any]]


class VersionDigest(NamedTuple):
    """A version, and the digest of the file that holds it; None where not known."""

    version: int
    digest: str | None


NO_NOTE = VersionDigest(-1, None)


def entry_path(table: Path, version: int) -> Path:
    """Return where the log entry of *version* is."""
    return table / LOG / f"{version:0{_VERSION_DIGITS}}.json"


def checkpoint_path(table: Path, version: int) -> Path:
    """Return where the checkpoint of *version* is."""
    return table / LOG / f"{version:0{_VERSION_DIGITS}}.checkpoint.parquet"


def pointed_version(table: Path) -> int | None:
    """Return the version the pointer to the newest checkpoint names, if it is whole."""
    try:
        pointer = msgspec.json.decode((table / LOG / LAST_CHECKPOINT).read_bytes())
        version = pointer["version"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # A changed bit may leave no text, or other JSON.
        return None
    is_there = isinstance(version, int) and checkpoint_path(table, version).exists()
    return version if is_there else None


def checkpoint_version(table: Path) -> int | None:
    """Return the version of the newest checkpoint, None without one.

    The pointer only spares a listing: without it Delta lists the log as well.
    """
    pointed = pointed_version(table)
    if pointed is not None:
        return pointed
    names = (each.name for each in (table / LOG).glob("*.checkpoint.parquet"))
    return max((int(name[:_VERSION_DIGITS]) for name in names), default=None)


def file_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file in hex, None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def decode_entry(content: bytes) -> Actions | None:
    """Return the actions of a log entry, None where it is torn."""
    try:
        actions = [msgspec.json.decode(line) for line in content.splitlines()]
    except ValueError:
        return None
    is_whole = bool(actions) and all(isinstance(each, dict) for each in actions)
    return actions if is_whole else None


def read_entry(table: Path, version: int) -> Actions | None:
    """Return the actions of a log entry; None where it is missing or torn."""
    try:
        return decode_entry(entry_path(table, version).read_bytes())
    except FileNotFoundError:
        return None


def damaged_versions(table: Path, first: int, last: int) -> Iterator[int]:
    """Yield the versions from *last* down to *first* whose entry is not as written.

    An entry that nothing proves passes: one an earlier Millpond or another program
    wrote, or the newest while its writer has not noted it yet.
    """
    note = read_note(table / SETTLED)
    expected = note.digest if note.version == last else _claim(table, last + 1)
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
            expected = _previous(actions)


def is_checkpoint_damaged(table: Path, version: int) -> bool:
    """Return whether the checkpoint of *version* is known not to be as written."""
    note = read_note(table / CHECKPOINT)
    if note.version != version or note.digest is None:
        return False
    return file_digest(checkpoint_path(table, version)) != note.digest


def _claim(table: Path, version: int) -> str | None:
    """Return what the entry of *version*, if there is one, says of the one before."""
    actions = read_entry(table, version)
    return None if actions is None else _previous(actions)


def _previous(actions: Actions) -> str | None:
    claims = (each["commitInfo"].get(PREVIOUS) for each in actions if _has_info(each))
    claim = next(claims, None)
    return claim if isinstance(claim, str) else None


def _has_info(action: dict[str, Any]) -> bool:
    return isinstance(action.get("commitInfo"), dict)


def read_note(path: Path) -> VersionDigest:
    """Return what the note at *path* says; nothing if it is missing or damaged."""
    try:
        text = path.read_text(encoding="ascii").strip()
        if text.isdecimal():
            # The form of earlier versions.
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
