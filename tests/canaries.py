"""Canaries: invented personal values, their spellings, and the search for them.

A test sends canaries to the proxy; afterwards no file may contain one. The search
decodes gzip and Parquet, and knows the spellings that a leak could have.
"""

import base64
import binascii
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import polars as pl

CANARIES: Mapping[str, str] = MappingProxyType(
    {
        "address": "203.0.113.77",
        "network": "203.0.113.",
        "address as a number": "3405803853",
        "address, version 6": "2001:db8:ca7:a11::dead:beef",
        "network, version 6": "2001:db8:ca7:a11",
        "network, version 6, in full": "2001:0db8:0ca7:0a11",
        "User-Agent": "CanaryShell/77.31",
        "e-mail": "canary.person@mail.example",
        "token": "cnryTkn9xJ3kP9qLmZ7vR2tY8wB4",
        "order id": "ORD-7731-CANARY",
        "cart id": "CART-7731-CANARY",
        "customer id": "customer-canary-7731",
        "message id": "message-canary-7731",
        "cookie": "cookiecanary7731",
        "query value": "querycanary7731",
        "fragment": "fragmentcanary7731",
        "referrer's path": "referrerpathcanary",
        "card number": "4111111111111111",
        "telephone": "+4915155501773",
        "name": "Kanarienvogel",
        "place": "52.520077,13.404977",
        "password": "hunter-canary-77",
        "foreign host": "canary-foreign.example",
    }
)
_ORDINARY, _URL_SAFE = bytes.maketrans(b"", b""), bytes.maketrans(b"+/", b"-_")
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


def spellings(text: str) -> dict[str, list[bytes]]:
    """Return the bytes that *text* may leak as, by spelling, in lower case."""
    plain = text.encode()
    encodings = {
        "plain": [plain],
        "reversed": [plain[::-1]],
        "URL-encoded": [quote(text, safe="").encode(), _percent(plain)],
        "hex": [binascii.hexlify(plain)],
        "UTF-16": [text.encode("utf-16-le"), text.encode("utf-16-be")],
        "JSON-escaped": ["".join(f"\\u{ord(char):04x}" for char in text).encode()],
        "base64": [
            coded.translate(alphabet)
            for coded in (_inner_base64(plain, shift) for shift in range(3))
            for alphabet in (_ORDINARY, _URL_SAFE)
        ],
    }
    return {
        name: [needle.lower() for needle in needles]
        for name, needles in encodings.items()
    }


def _percent(plain: bytes) -> bytes:
    return b"".join(b"%%%02x" % byte for byte in plain)


def _inner_base64(plain: bytes, shift: int) -> bytes:
    """Return the base64 characters of *plain* after *shift* other bytes."""
    text = base64.b64encode(bytes(shift) + plain)
    # A character that also encodes a bit of a neighbouring byte is left out.
    first = -(-shift * 4 // 3)
    last = (shift + len(plain)) * 4 // 3
    return text[first:last]


_SPELLINGS = {
    (name, spelling, needle)
    for name, text in CANARIES.items()
    for spelling, needles in spellings(text).items()
    for needle in needles
}


def canaries_in(content: bytes) -> set[tuple[str, str]]:
    """Return the (name, spelling) of every canary in *content*."""
    lower = content.lower()
    return {
        (name, spelling) for name, spelling, needle in _SPELLINGS if needle in lower
    }


def canaries_under(*roots: Path) -> set[tuple[str, str, str]]:
    """Return every canary in a file below *roots* or in its name, with the path."""
    matches: set[tuple[str, str, str]] = set()
    for root in roots:
        for path in [root, *sorted(root.rglob("*"))]:
            for content in _contents(path):
                hits = canaries_in(content)
                matches |= {(str(path.relative_to(root)), *hit) for hit in hits}
    return matches


def _contents(path: Path) -> Iterator[bytes]:
    yield path.name.encode()
    if not path.is_file():
        return
    raw = path.read_bytes()
    yield raw
    for magic, decode in _DECODERS.items():
        if raw.startswith(magic):
            yield decode(raw)


def _parquet(raw: bytes) -> bytes:
    """Return all values of a Parquet file as text."""
    rows = pl.read_parquet(io.BytesIO(raw)).rows()
    return "\n".join(_texts(rows)).encode()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    else:
        yield str(value)


def _gunzip(raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error):
        return b""


_DECODERS: dict[bytes, Callable[[bytes], bytes]] = {
    _GZIP: _gunzip,
    _PARQUET: _parquet,
}
