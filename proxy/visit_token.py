"""Visit tokens: a shop's server says whose order it reports, and never learns who.

A token is the visitor hash of one site and day, encrypted under a key derived from that
day's salt. It is worth nothing to whoever holds it, no two are alike, and nobody can
read it once the salt is destroyed.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from batcher.secret_bytes import take, wipe
from warehouse.schema import Hash64

_KEY_BYTES = 32
_NONCE_BYTES = 12
_PERSON = b"millpond visit"
_VERSION = b"\x01"
_DAY = struct.Struct(">I")
_VISITOR = struct.Struct(">q")
_HEAD_BYTES = len(_VERSION) + _DAY.size
_TAG_BYTES = 16
_TOKEN_BYTES = _HEAD_BYTES + _NONCE_BYTES + _VISITOR.size + _TAG_BYTES
# In base64, without its padding.
LONGEST_TOKEN = -(-_TOKEN_BYTES * 4 // 3)

# Where a vendor's server client has no place for one.
TOKEN_PROP = "millpond_visit"  # noqa: S105 - a name

RandomBytes = Callable[[int], bytes]


def seal_visit_token(
    visitor: Hash64, day: date, site_day_key: bytes | bytearray, random: RandomBytes
) -> str:
    """Return a token for *visitor* of the site and *day* of *site_day_key*."""
    head = _VERSION + _DAY.pack(day.toordinal())
    nonce = random(_NONCE_BYTES)
    key = _key(site_day_key)
    sealed = AESGCM(key).encrypt(nonce, _VISITOR.pack(visitor), head)
    wipe(key)
    return base64.urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()


def open_visit_token(
    token: str, day: date, site_day_key: bytes | bytearray
) -> Hash64 | None:
    """Return the visitor of *token*, None where it is not of this site and *day*."""
    raw = _decoded(token)
    head = _VERSION + _DAY.pack(day.toordinal())
    if raw is None or not raw.startswith(head):
        return None
    nonce, sealed = raw[_HEAD_BYTES:][:_NONCE_BYTES], raw[_HEAD_BYTES + _NONCE_BYTES :]
    key = _key(site_day_key)
    try:
        (visitor,) = _VISITOR.unpack(AESGCM(key).decrypt(nonce, sealed, head))
    except InvalidTag:
        return None
    finally:
        wipe(key)
    return Hash64(visitor)


def _decoded(token: str) -> bytes | None:
    if len(token) != LONGEST_TOKEN or not token.isascii():
        return None
    try:
        raw = base64.b64decode(
            token + "=" * (-len(token) % 4), altchars=b"-_", validate=True
        )
    except binascii.Error:
        return None
    return raw if len(raw) == _TOKEN_BYTES else None


def _key(site_day_key: bytes | bytearray) -> bytearray:
    """Return the key of tokens: its own, so that a visitor hash tells nothing of it."""
    return take(
        hashlib.blake2b(
            digest_size=_KEY_BYTES, key=site_day_key, person=_PERSON
        ).digest()
    )
