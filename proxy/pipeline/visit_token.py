"""Visit tokens: let a shop's server name the visitor of an order without knowing who.

A token is the visitor hash of one site and day, encrypted with a key derived from that
day's salt. Its holder learns nothing from it, no two tokens are equal, and nobody can
read a token once the salt is destroyed.
"""

import binascii
import struct
from collections.abc import Callable
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse.schema import Hash64

_NONCE_BYTES = 12
_VERSION = b"\x01"
_DAY = struct.Struct(">I")
_VISITOR = struct.Struct(">q")
_HEAD_BYTES = len(_VERSION) + _DAY.size
_TAG_BYTES = 16
_TOKEN_BYTES = _HEAD_BYTES + _NONCE_BYTES + _VISITOR.size + _TAG_BYTES
_PADDING = b"=" * (-_TOKEN_BYTES % 3)
# As base64 without padding.
TOKEN_LENGTH = -(-_TOKEN_BYTES * 4 // 3)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_+/", b"+/  ")

RandomBytes = Callable[[int], bytes]


def key_name(site_id: str) -> str:
    """Return the name under which the salts derive a site's token key.

    No site id can equal this name, so the token key reveals nothing about the key of
    visitor hashes.
    """
    return f"{site_id} visit token"


def seal_visit_token(
    visitor: Hash64, day: date, key: bytes | bytearray, random: RandomBytes
) -> str:
    """Return a token for *visitor*; *key* belongs to the site and *day*."""
    head = _VERSION + _DAY.pack(day.toordinal())
    nonce = random(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, _VISITOR.pack(visitor), head)
    encoded = binascii.b2a_base64(head + nonce + sealed, newline=False)
    return encoded.translate(_URL_SAFE).rstrip(b"=").decode()


def open_visit_token(token: str, day: date, key: bytes | bytearray) -> Hash64 | None:
    """Return the visitor in *token*, None if the token is of another site or day."""
    raw = _decode(token)
    head = _VERSION + _DAY.pack(day.toordinal())
    if raw is None or not raw.startswith(head):
        return None
    nonce, sealed = raw[_HEAD_BYTES:][:_NONCE_BYTES], raw[_HEAD_BYTES + _NONCE_BYTES :]
    try:
        (visitor,) = _VISITOR.unpack(AESGCM(key).decrypt(nonce, sealed, head))
    except InvalidTag:
        return None
    return Hash64(visitor)


def _decode(token: str) -> bytes | None:
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    padded = token.encode().translate(_STANDARD) + _PADDING
    try:
        return binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        return None
