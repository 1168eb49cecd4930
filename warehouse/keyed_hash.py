"""Keyed hashes of ids that are valid longer than a day, such as order ids.

Each site has one random key in its own file. If the file is destroyed, nobody can link
a hash to an id any more. The module is here because the code that looks up an id needs
the same hash as the proxy.
"""

import hashlib
import os
import struct
from enum import Enum
from pathlib import Path

from config.errors import MillpondError
from warehouse.schema import Hash64

KEY_BYTES = 32

_HASH_BYTES = 8
_SIGNED = struct.Struct(">q")
_OTHERS_BITS = 0o077


class HashPurpose(Enum):
    """The purpose of a hash; the same text has unrelated hashes for two purposes."""

    EVENT = b"millpond event"
    # Nobody else can send a message of the shop's server first, whatever its id is.
    SERVER_EVENT = b"millpond server"
    ORDER = b"millpond order"
    CART = b"millpond cart"
    ACTOR = b"millpond actor"


class SiteKeyError(MillpondError):
    """The key file of a site cannot be used."""

    exit_code = 2


class KeyedHash:
    """Hashes ids for one purpose with one key; the key is processed only once."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes | bytearray, purpose: HashPurpose) -> None:
        self._keyed = hashlib.blake2b(
            digest_size=_HASH_BYTES, key=key, person=purpose.value
        )

    def __call__(self, text: str) -> Hash64:
        """Return the hash of *text*, 64 bits, signed; only the key can produce it."""
        hashed = self._keyed.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        (number,) = _SIGNED.unpack(hashed.digest())
        return Hash64(number)


def keyed_hash(key: bytes | bytearray, purpose: HashPurpose, text: str) -> Hash64:
    """Return the hash of one *text*; use ``KeyedHash`` for several texts."""
    return KeyedHash(key, purpose)(text)


def key_file(key_dir: Path, site_id: str) -> Path:
    """Return the path of a site's key file."""
    return key_dir / f"{site_id}.key"


def read_key(path: Path) -> bytes:
    """Return the key in *path*.

    Raises ``SiteKeyError`` if other users can access the file, or if its length is
    wrong.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(KEY_BYTES + 1)
    if mode & _OTHERS_BITS:
        raise SiteKeyError(
            f"read site key {path}: other users can access it (mode"
            f" {mode & 0o777:04o})",
            hint=f"chmod 600 {path}",
        )
    if len(key) != KEY_BYTES:
        raise SiteKeyError(
            f"read site key {path}: {KEY_BYTES} bytes expected",
            hint="restore it from a backup; see docs/operations.md,"
            ' "A site\'s key is missing or changed"',
        )
    return key
