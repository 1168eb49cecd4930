"""Keyed hashes of ids that must outlive the day: messages, orders, carts, customers.

Each site has one random key, in a file of its own. Destroying the file makes every hash
made with it meaningless. Whoever looks an id up needs the same hash, so it is here.
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
    """What an id is hashed for; the same text gives unrelated hashes for each."""

    EVENT = b"millpond event"
    ORDER = b"millpond order"
    CART = b"millpond cart"
    ACTOR = b"millpond actor"


class SiteKeyError(MillpondError):
    """A site's key file cannot be used as it is."""

    exit_code = 2


class KeyedHash:
    """Hashes ids for one purpose under one key, which is set up once."""

    __slots__ = ("_begun",)

    def __init__(self, key: bytes | bytearray, purpose: HashPurpose) -> None:
        self._begun = hashlib.blake2b(
            digest_size=_HASH_BYTES, key=key, person=purpose.value
        )

    def __call__(self, text: str) -> Hash64:
        """Return 64 bits, signed, that stand for *text*; only the key makes them."""
        hashed = self._begun.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        (number,) = _SIGNED.unpack(hashed.digest())
        return Hash64(number)


def keyed_hash(key: bytes | bytearray, purpose: HashPurpose, text: str) -> Hash64:
    """Return what stands for *text* under *key*, where it is not used again."""
    return KeyedHash(key, purpose)(text)


def key_file(key_dir: Path, site_id: str) -> Path:
    """Return where a site's key is."""
    return key_dir / f"{site_id}.key"


def read_key(path: Path) -> bytes:
    """Return the key in *path*.

    Refuses one that others on the machine can read, and one of a wrong length.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(KEY_BYTES + 1)
    if mode & _OTHERS_BITS:
        raise SiteKeyError(
            f"read site key {path}: others can reach it (mode {mode & 0o777:04o})",
            hint=f"chmod 600 {path}",
        )
    if len(key) != KEY_BYTES:
        raise SiteKeyError(
            f"read site key {path}: {KEY_BYTES} bytes expected",
            hint="restore it from a backup; see docs/operations.md,"
            ' "A site\'s key is missing or changed"',
        )
    return key
