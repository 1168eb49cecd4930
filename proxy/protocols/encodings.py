"""What vendors' clients wrap their JSON in: gzip, base64, forms; all within bounds.

Bytes decide, never the Content-Type: the same client sends JSON as text, as a form, and
as gzip with no sign of it but its first two bytes.
"""

import base64
import binascii
import zlib
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from proxy.pipeline.hit import MalformedBodyError
from proxy.transport.body import RefusedBodyError

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_MOST_FIELDS = 512
_PADDING = 4
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _exact(literal: str) -> Decimal | None:
    try:
        return Decimal(literal)
    except InvalidOperation:
        return None


# Amounts never pass through a binary fraction.
_JSON = msgspec.json.Decoder(float_hook=_exact)


def inflated(body: bytes, most_bytes: int) -> bytes:
    """Return *body*, unpacked where it is gzip, at most *most_bytes* of it.

    One member only: what is behind it is not looked at twice, and many small ones
    would cost more than they hold.
    """
    if not body.startswith(_GZIP):
        return body
    unpack = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        plain = unpack.decompress(body, most_bytes + 1)
    except zlib.error:
        raise MalformedBodyError("the body is not the gzip it begins as") from None
    if len(plain) > most_bytes:
        raise RefusedBodyError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body unpacks to over {most_bytes} bytes",
        )
    if not unpack.eof or unpack.unused_data:
        raise MalformedBodyError("the body is not one whole gzip")
    return plain


def json_value(text: bytes | str) -> Any:
    """Return the value of a JSON text; fractions are ``Decimal``.

    Raises ``MalformedBodyError`` where it is none, or nested too deeply.
    """
    try:
        return _JSON.decode(text)
    except RecursionError:
        raise MalformedBodyError("JSON is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError):
        raise MalformedBodyError("the body is not valid JSON") from None


def packed_value(text: str) -> Any:
    """Return the value of a JSON text, plain or in either alphabet of base64."""
    text = text.strip()
    if text[:1] in ("{", "["):
        return json_value(text)
    return json_value(base64_bytes(text))


def base64_bytes(text: str) -> bytes:
    """Return what *text* holds in base64: either alphabet, padded or not."""
    try:
        # A plus that was not escaped comes out of a form as a blank.
        raw = text.replace(" ", "+").encode("ascii").translate(_URL_SAFE).rstrip(b"=")
        return base64.b64decode(raw + b"=" * (-len(raw) % _PADDING), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise MalformedBodyError("the data is neither JSON nor base64") from None


def fields(text: str) -> dict[str, str]:
    """Return the fields of a query or form; of several the last counts."""
    try:
        return dict(
            parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        )
    except ValueError:
        raise MalformedBodyError("there are too many fields") from None


def form_or_json(body: bytes) -> Any:
    """Return the value of a body that is JSON, or a form with it in ``data``."""
    start = body.lstrip()[:1]
    if start in (b"{", b"["):
        return json_value(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("the body is not UTF-8") from None
    data = fields(text).get("data")
    return packed_value(unquote_plus(text) if data is None else data)
