"""The public commitment to a site's key: it shows whether the key is still the same.

A damaged or replaced key would hash every order to another number, and known orders
would be counted again without a message. So a hash of the key is stored beside the key,
and a copy in the spool. The key cannot be computed from the hash
(docs/decisions/0064).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.keyed_hash import SiteKeyError, key_file, read_key

_PERSON = b"millpond sitekey"
_COMMITMENT_BYTES = 32
_CHECK_BYTES = 4
_LINE = re.compile(rb"^blake2b-256 ([0-9a-f]{64}) [0-9a-f]{8}$", re.MULTILINE)
_WHERE = 'see docs/operations.md, "A site\'s key is missing or changed"'
_RESTORE = f"restore it from a backup; {_WHERE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitments:
    """The state of the files that hold the commitment to one key."""

    sound: dict[Path, str]
    damaged: tuple[Path, ...] = ()
    missing: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is a commitment: then a key existed before."""
        return bool(self.sound or self.damaged)


def key_commitment(key: bytes) -> str:
    """Return the commitment to *key*, hexadecimal."""
    return hashlib.blake2b(
        key, digest_size=_COMMITMENT_BYTES, person=_PERSON
    ).hexdigest()


def commitment_files(key_dir: Path, spool_dir: Path, site_id: str) -> tuple[Path, Path]:
    """Return the two files with the commitment: beside the key and in the spool."""
    return key_dir / f"{site_id}.commitment", spool_commitment(spool_dir, site_id)


def spool_commitment(spool_dir: Path, site_id: str) -> Path:
    """Return the path of the copy in the spool."""
    return spool_dir / "keys" / f"{site_id}.commitment"


def encode_commitment(site_id: str, commitment: str) -> bytes:
    """Return the content of the file for *commitment*; nothing in it is secret."""
    check = hashlib.blake2b(commitment.encode(), digest_size=_CHECK_BYTES).hexdigest()
    return (
        f"# Shows whether {site_id}.key is still the same key. Public; keep it.\n"
        f"blake2b-256 {commitment} {check}\n"
    ).encode()


def read_commitments(paths: Sequence[Path]) -> Commitments:
    """Return the commitments in *paths*."""
    sound: dict[Path, str] = {}
    damaged: list[Path] = []
    missing: list[Path] = []
    for path in paths:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            missing.append(path)
            continue
        commitment = _decode(path.stem, content)
        if commitment is None:
            damaged.append(path)
        else:
            sound[path] = commitment
    return Commitments(sound=sound, damaged=tuple(damaged), missing=tuple(missing))


def _decode(site_id: str, content: bytes) -> str | None:
    match = _LINE.search(content)
    if match is None:
        return None
    commitment = match[1].decode()
    return commitment if content == encode_commitment(site_id, commitment) else None


def verified_key(key_dir: Path, spool_dir: Path, site_id: str) -> bytes:
    """Return the site's key after comparing it with its commitments."""
    # The commitments are read before the key, because a new key is written before its
    # commitment: if there is a commitment, the key must exist.
    commitments = read_commitments(commitment_files(key_dir, spool_dir, site_id))
    path = key_file(key_dir, site_id)
    check_exists(path, commitments)
    key = read_key(path)
    check_key(path, key, commitments)
    return key


def check_exists(path: Path, commitments: Commitments) -> None:
    """Raise ``SiteKeyError`` if the key file *path* is missing but existed before."""
    if commitments and not path.exists():
        witness = next(iter([*commitments.sound, *commitments.damaged]))
        raise SiteKeyError(
            f"read site key {path}: it is missing, and {witness} shows that there was"
            " one; with a new key, known orders would count again",
            hint=_RESTORE,
        )


def check_key(path: Path, key: bytes, commitments: Commitments) -> None:
    """Raise ``SiteKeyError`` if a commitment shows that *key* is another key.

    Also if the only commitments are damaged. *path* is the file of the key.
    """
    expected = key_commitment(key)
    same = [
        path for path, commitment in commitments.sound.items() if commitment == expected
    ]
    other = [file for file in commitments.sound if file not in same]
    if other:
        raise SiteKeyError(f"read site key {path}: {_said(same, other)}", hint=_RESTORE)
    if commitments.damaged and not same:
        (first, *_) = commitments.damaged
        raise SiteKeyError(
            f"check site key {path}: its commitment {first} is damaged",
            hint="restore that file from a backup; if the key is known to be right,"
            f" remove the file and it is written again; {_WHERE}",
        )


def _said(same: list[Path], other: list[Path]) -> str:
    others = " and ".join(map(str, other))
    if same:
        return f"{same[0]} belongs to this key, {others} to another one"
    if len(other) > 1:
        return f"the key is damaged or was replaced; {others} belong to another one"
    return f"the key is damaged or was replaced; {others} belongs to another one"
