"""The visitor hash: a keyed hash that cannot be recomputed once its day is over.

The key is the site-day key of ``batcher.salts.held``. Once the salt is destroyed,
nobody can test whether an address and User-Agent belong to a stored visitor.
"""

import hashlib
import struct
from socket import AF_INET, AF_INET6, inet_pton

from warehouse.schema import Hash64

_HASH_BYTES = 8
_PERSON = b"millpond visitor"
# An IPv6 customer gets a /64 or larger; the other bits change within hours.
_NETWORK_BYTES = 8
_LENGTH = struct.Struct(">I")
_SIGNED = struct.Struct(">q")


def visitor_hash(
    site_day_key: bytes | bytearray, address: str, user_agent: str
) -> Hash64:
    """Return the visitor for the site and day of *site_day_key*, 64 bits, signed.

    *address* is in canonical form, as ``ClientSource`` returns it.
    """
    return hash_client(site_day_key, encode_client(address, user_agent))


def hash_client(site_day_key: bytes | bytearray, encoded: bytes) -> Hash64:
    """Return the visitor for the result of ``encode_client``."""
    hashed = hashlib.blake2b(
        encoded, digest_size=_HASH_BYTES, key=site_day_key, person=_PERSON
    )
    (number,) = _SIGNED.unpack(hashed.digest())
    return Hash64(number)


def encode_client(address: str, user_agent: str) -> bytes:
    """Return the bytes to hash: both parts, each preceded by its length.

    Without the lengths, two different clients could produce the same bytes.
    """
    network = _network(address)
    agent = user_agent.encode("utf-8", "surrogatepass")
    return b"".join((_length(network), network, _length(agent), agent))


def _length(part: bytes) -> bytes:
    return _LENGTH.pack(len(part))


def _network(address: str) -> bytes:
    if ":" in address:
        return inet_pton(AF_INET6, address)[:_NETWORK_BYTES]
    return inet_pton(AF_INET, address)
