"""The key of each site, in a file of its own that is written once.

What it is for is written in ``warehouse.keyed_hash``.
"""

from collections.abc import Callable
from pathlib import Path

from batcher.durable import create_durable, make_directory
from warehouse.keyed_hash import (
    KEY_BYTES,
    KeyedHash,
    Purpose,
    SiteKeyError,
    key_file,
    keyed_hash,
    read_key,
)

__all__ = [
    "KEY_BYTES",
    "KeyedHash",
    "Purpose",
    "SiteKeyError",
    "keyed_hash",
    "site_key",
]

_MODE = 0o600


def site_key(
    key_dir: Path, site_id: str, random_bytes: Callable[[int], bytes]
) -> bytes:
    """Return the site's key, creating it once; processes that race get the same one.

    Refuses a key that others on the machine can read, and one of a wrong length.
    """
    path = key_file(key_dir, site_id)
    try:
        if not path.exists():
            _make_private(key_dir)
            create_durable(path, random_bytes(KEY_BYTES), mode=_MODE)
        return read_key(path)
    except OSError as error:
        raise SiteKeyError(
            f"read site key {path}: {error.strerror}",
            hint="Millpond's user must own privacy.key_dir and what is in it",
        ) from None


def _make_private(directory: Path) -> None:
    if not directory.is_dir():
        make_directory(directory)
        directory.chmod(0o700)
