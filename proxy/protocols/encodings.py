"""Decodes the wrappings of vendors' JSON: gzip, base64 and forms, all with limits.

The bytes decide how a body is decoded, never its Content-Type: the same client sends
JSON as text, as a form, or as gzip that only its first two bytes reveal.
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


def _parse_decimal(literal: str) -> Decimal | None:
    try:
        return Decimal(literal)
    except InvalidOperation:
        return None


# Decimal instead of float, so that amounts stay exact.
_JSON = msgspec.json.Decoder(float_hook=_parse_decimal)


def decompress_gzip(body: bytes, most_bytes: int) -> bytes:
    """Return *body*, decompressed if it is gzip.

    Raises ``RefusedBodyError`` if it decompresses to more than *most_bytes*. Only one
    gzip member is allowed: many small members cost much time for little data.
    """
    if not body.startswith(_GZIP):
        return body
    decompressor = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        plain = decompressor.decompress(body, most_bytes + 1)
    except zlib.error:
        raise MalformedBodyError("the body starts as gzip but is damaged") from None
    if len(plain) > most_bytes:
        raise RefusedBodyError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body decompresses to more than {most_bytes} bytes",
        )
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedBodyError("the body is not exactly one complete gzip member")
    return plain


def decode_json(text: bytes | str) -> Any:
    """Return the value of JSON *text*; numbers with a fraction are ``Decimal``.

    Raises ``MalformedBodyError`` if *text* is not valid JSON or is nested too deeply.
    """
    try:
        return _JSON.decode(text)
    except RecursionError:
        raise MalformedBodyError("JSON is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError):
        raise MalformedBodyError("the body is not valid JSON") from None


def decode_packed_json(text: str) -> Any:
    """Return the value of JSON *text*, plain or in base64 (either alphabet)."""
    text = text.strip()
    if text[:1] in ("{", "["):
        return decode_json(text)
    return decode_json(decode_base64(text))


def decode_base64(text: str) -> bytes:
    """Return the bytes of base64 *text*: either alphabet, with or without padding."""
    try:
        # Form decoding turns an unescaped plus sign into a space.
        raw = text.replace(" ", "+").encode("ascii").translate(_URL_SAFE).rstrip(b"=")
        return base64.b64decode(raw + b"=" * (-len(raw) % _PADDING), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise MalformedBodyError("the data is neither JSON nor base64") from None


def parse_fields(text: str) -> dict[str, str]:
    """Return the fields of a query or form; the last of several same names counts."""
    try:
        return dict(
            parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        )
    except ValueError:
        raise MalformedBodyError(f"more than {_MOST_FIELDS} fields") from None


def decode_form_or_json(body: bytes) -> Any:
    """Return the value of a body that is JSON, or a form with JSON in ``data``."""
    start = body.lstrip()[:1]
    if start in (b"{", b"["):
        return decode_json(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("the body is not UTF-8") from None
    data = parse_fields(text).get("data")
    return decode_packed_json(unquote_plus(text) if data is None else data)
