"""Captured bodies with other times: the captures grow old, and the proxy sees that.

The clients of servers reported an order of 1 March. The other times are those of the
capture, which a client's time of sending corrects, if it has one.
"""

import base64
import gzip
import re
from urllib.parse import quote, unquote

_ORDERED_AT = re.compile(rb"2026-03-01T10:20:30")
_CAPTURED_AT = b"2026-11-22T14:20:30"
_EPOCH = re.compile(rb"(?<!\d)179[45]\d{6}(?!\d)")
_DATA = re.compile(rb"(?<=\bdata=)[^&]+")
_GZIP = b"\x1f\x8b"


def ordered_when_captured(body: bytes) -> bytes:
    """Return *body* with its order on the day of the capture."""
    if body.startswith(_GZIP):
        return gzip.compress(ordered_when_captured(gzip.decompress(body)))
    return _ORDERED_AT.sub(_CAPTURED_AT, body)


def occurred_at(text: bytes, at: int) -> bytes:
    """Return *text*, a query or a form, with all its epoch seconds replaced by *at*."""

    def redate(match: re.Match[bytes]) -> bytes:
        data = unquote(match[0].decode()).encode()
        if data.startswith((b"{", b"[")):
            return _EPOCH.sub(b"%d" % at, match[0])
        decoded = base64.b64decode(data)
        return quote(base64.b64encode(_EPOCH.sub(b"%d" % at, decoded))).encode()

    return _DATA.sub(redate, text)
