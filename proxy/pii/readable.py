"""The form of a text in which personal data is searched: decoded, in ASCII digits."""

import re
import unicodedata
from base64 import b64decode
from binascii import Error as Base64Error
from html import unescape
from urllib.parse import unquote

from proxy.pii.plain_text import plain_text

_DECODINGS = 3
_CODE_POINT = re.compile(r"(?:%u|\\u)([0-9a-f]{4})|\\x([0-9a-f]{2})", re.IGNORECASE)
# Quoted-printable e-mail text has "=40" for "@" and "=2E" for ".".
_QUOTED_PRINTABLE = re.compile(r"(?<=[\w.+-])=(40|2E)(?=[\w.-])", re.IGNORECASE)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{10,}(?![A-Za-z0-9+/_-])")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?:[0-9a-fA-F]{2}){7,}(?![A-Za-z0-9])")


class _AsciiDigits(dict[int, str]):
    """Translates the digits of any script to ASCII; keeps other characters."""

    def __missing__(self, code: int) -> str:
        return str(unicodedata.decimal(chr(code), chr(code)))


_DIGITS = _AsciiDigits()


def ascii_digits(text: str) -> str:
    """Return *text* with compatible characters and all digits in their usual form."""
    if text.isascii():
        return text
    return plain_text(unicodedata.normalize("NFKC", text).translate(_DIGITS))


def readable(text: str) -> str:
    """Return *text* as a person reads it: decoded, without lookalike characters."""
    text = ascii_digits(text)
    if "&" in text:
        text = unescape(text)
    if "\\" in text or "%u" in text:
        text = _CODE_POINT.sub(lambda code: chr(int(code[1] or code[2], 16)), text)
    for _ in range(_DECODINGS if "%" in text else 0):
        text = unquote(text)
    if "=" in text:
        text = _QUOTED_PRINTABLE.sub(lambda code: chr(int(code[1], 16)), text)
    return ascii_digits(text)


def hidden_texts(text: str) -> list[str]:
    """Return the readable texts that base64 or hex in *text* decodes to."""
    texts = [_printable(_base64_bytes(run)) for run in _BASE64.findall(text)]
    texts += [_printable(bytes.fromhex(run)) for run in _HEX.findall(text)]
    return [hidden for hidden in texts if hidden]


def _base64_bytes(run: str) -> bytes:
    padded = run.replace("-", "+").replace("_", "/") + "=" * (-len(run) % 4)
    try:
        return b64decode(padded)
    except (Base64Error, ValueError):
        return b""


def _printable(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text.strip() if text.strip().isprintable() else ""
