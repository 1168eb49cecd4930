"""Creates and reads each site's secret key, in a file that is written once.

``warehouse.keyed_hash`` describes the uses of the key, and ``warehouse.key_commitment``
how Millpond detects that a key has been replaced.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from config.files import reason, remedy
from config.logs import log_event
from warehouse.durable import create_durable, make_directory, write_durable
from warehouse.key_commitment import (
    Commitments,
    check_exists,
    check_key,
    commitment_files,
    encode_commitment,
    key_commitment,
    read_commitments,
    verified_key,
)
from warehouse.keyed_hash import (
    KEY_BYTES,
    HashPurpose,
    KeyedHash,
    SiteKeyError,
    key_file,
    keyed_hash,
    read_key,
)

__all__ = [
    "KEY_BYTES",
    "HashPurpose",
    "KeyedHash",
    "SiteKeyError",
    "keyed_hash",
    "site_key",
]

_LOG = logging.getLogger("millpond.proxy")
_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700


def site_key(
    key_dir: Path,
    spool_dir: Path,
    site_id: str,
    random_bytes: Callable[[int], bytes],
    former_ids: Sequence[str] = (),
) -> bytes:
    """Return the site's key; creates it once, also if several processes race.

    A renamed site gets a copy of the key of its newest former id that has one, so that
    its orders keep their hashes.

    Refuses a key that other users can read, that has a wrong length, or that does not
    match its commitment. Refuses to create a key if a commitment shows that one
    existed.
    """
    path = key_file(key_dir, site_id)
    try:
        # Read before the key: a key is created before its commitments, so a process
        # that sees a commitment knows that the key must exist.
        commitments = read_commitments(commitment_files(key_dir, spool_dir, site_id))
        check_exists(path, commitments)
        if not path.exists():
            _make_private_directory(key_dir)
            key = _former_key(key_dir, spool_dir, former_ids)
            create_durable(path, key or random_bytes(KEY_BYTES), mode=_FILE_MODE)
        key = read_key(path)
        check_key(path, key, commitments)
        _complete_commitments(commitments, site_id, key)
    except OSError as error:
        raise SiteKeyError(
            f"read site key {path}: {_file_prefix(error, path)}{reason(error)}",
            hint=remedy(error)
            or "Millpond's user must own privacy.key_dir, spool.dir, and what is in"
            " them",
        ) from None
    return key


def _former_key(
    key_dir: Path, spool_dir: Path, former_ids: Sequence[str]
) -> bytes | None:
    for site_id in reversed(former_ids):
        with suppress(FileNotFoundError):
            return verified_key(key_dir, spool_dir, site_id)
    return None


def _complete_commitments(commitments: Commitments, site_id: str, key: bytes) -> None:
    """Write missing copies of the commitment before the key is used.

    A key without a commitment is left by a crash between the two writes, and by
    installations older than commitments.
    """
    content = encode_commitment(site_id, key_commitment(key))
    for path in commitments.missing:
        make_directory(path.parent)
        create_durable(path, content)
    for path in commitments.damaged:
        # The other copy is undamaged and matches the key.
        write_durable(path, content)
        log_event(_LOG, "commitment_restored", level=logging.WARNING, site=site_id)


def _file_prefix(error: OSError, path: Path) -> str:
    """Return the file that *error* is about, if it is not *path*."""
    filename = error.filename
    return f"{filename}: " if filename and str(filename) != str(path) else ""


def _make_private_directory(directory: Path) -> None:
    if not directory.is_dir():
        make_directory(directory)
        directory.chmod(_DIRECTORY_MODE)
