"""The key of each site, in a file of its own that is written once.

What it is for is written in ``warehouse.keyed_hash``, and what shows that it is still
the same in ``warehouse.key_commitment``.
"""

import logging
from collections.abc import Callable
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
_MODE = 0o600
_PRIVATE = 0o700


def site_key(
    key_dir: Path,
    spool_dir: Path,
    site_id: str,
    random_bytes: Callable[[int], bytes],
) -> bytes:
    """Return the site's key, creating it once; processes that race get the same one.

    Refuses a key that others on the machine can read, one of a wrong length, one that
    is not the key its commitment was made for, and to make a second one.
    """
    path = key_file(key_dir, site_id)
    try:
        # Before the key is looked for: the key is made before its commitments, so a
        # process that sees one of those knows that the key must be there.
        found = read_commitments(commitment_files(key_dir, spool_dir, site_id))
        check_exists(path, found)
        if not path.exists():
            _make_private(key_dir)
            create_durable(path, random_bytes(KEY_BYTES), mode=_MODE)
        key = read_key(path)
        check_key(path, key, found)
        _complete(found, site_id, key)
    except OSError as error:
        raise SiteKeyError(
            f"read site key {path}: {_at(error, path)}{reason(error)}",
            hint=remedy(error)
            or "Millpond's user must own privacy.key_dir, spool.dir, and what is in"
            " them",
        ) from None
    return key


def _complete(found: Commitments, site_id: str, key: bytes) -> None:
    """Write what is missing of the commitment before the key is used.

    A crash between a key and its commitment leaves a key without, as installations
    from before commitments have.
    """
    content = encode_commitment(site_id, key_commitment(key))
    for path in found.missing:
        make_directory(path.parent)
        create_durable(path, content)
    for path in found.damaged:
        # The other copy was sound and agreed with the key.
        write_durable(path, content)
        log_event(_LOG, "commitment_restored", level=logging.WARNING, site=site_id)


def _at(error: OSError, path: Path) -> str:
    named = error.filename
    return f"{named}: " if named and str(named) != str(path) else ""


def _make_private(directory: Path) -> None:
    if not directory.is_dir():
        make_directory(directory)
        directory.chmod(_PRIVATE)
