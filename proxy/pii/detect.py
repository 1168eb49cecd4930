"""Recognizes values that look personal, in any field.

A result is only the kind of personal data, never the value. The first pattern accepts
nearly all ordinary values. All others get a closer check in linear time.
"""

import re
import unicodedata
from enum import StrEnum
from urllib.parse import unquote

from proxy.pii.account_numbers import is_card, is_iban
from proxy.pii.plain_text import plain_text
from proxy.pii.token_shape import has_random_run


class PersonalKind(StrEnum):
    """The kind of personal data that a value looks like."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    NUMBER = "number"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    TOKEN = "token"  # noqa: S105 - the name of a kind
    ADDRESS = "address"
    COORDINATES = "coordinates"
    USER_AGENT = "user_agent"


# No stored field is longer: a longer value is a document and counts as personal.
_LONGEST = 2_000
_DECODINGS = 3
_NUMBER = r"[0-9]{1,6}+(?:\.[0-9]{1,2}+)?+(?![ .,/+-]?[0-9])[^\W\d_]{0,3}+"
# Longer words with a change of case inside get the closer check: tokens have it too.
_WORD = (
    r"(?:[A-Z]?[^\W\dA-Z_]{1,15}+(?![A-Z])|[A-Z]{1,15}+(?![^\W\d_])|[^\W\d_]{1,7}+)"
    r"[0-9]{0,3}+"
)
_BETWEEN = r"[ _+&|!?'=#,-]"
# Short words and short numbers, without two adjacent numbers.
_HARMLESS = re.compile(
    rf"(?:{_WORD}|{_NUMBER})(?:{_BETWEEN}{{1,2}}(?:{_WORD}|{_NUMBER}))*+[ !?]?"
)

_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_DIGIT = re.compile(r"\d")
_RUN = re.compile(r"[\w-]{8,}")

_EMAIL = re.compile(
    # Does not match "logo@2x.png", "react@18.2" or "a, @b".
    r"[^\s@,;:/]\s?@\s?(?![0-9.]+x(?:\.|$))(?![0-9.]+(?![\w.-]))[^\W_]"
)
_EMAIL_IN_WORDS = re.compile(
    r"[^\W_]\s?[(\[{]\s?at\s?[)\]}]\s?[^\W_]"
    r"|[^\W_] at [\w-]{2,64}\s?(?:dot|[(\[{]\s?dot\s?[)\]}])\s[^\W_]",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}"
    r"|(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[-_](?:(?:live|test|proj|ant)[-_])?"
    r"|gh[oprsu]_|github_pat_|glpat-|xox[a-z]-|whsec_|shp[a-z]{2}_|npm_|pypi-"
    r"|A[KS]IA|AIza|ya29\.|SG\.)(?=[\w-]*[0-9])[\w-]{10,}"
    r"|-----BEGIN",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?<![a-z0-9])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![a-z0-9])(?:0x)?(?=[a-f]*[0-9])[0-9a-f]{16,}(?![a-z0-9])",
    re.IGNORECASE,
)
_USER_AGENT = re.compile(
    r"Mozilla/\d|AppleWebKit/\d|\((?:Windows NT|X11; |Macintosh; |iPhone; |Linux; )"
)
_COORDINATES = re.compile(
    r"(?<![\d.])[-+]?\d{1,2}\.\d{3,}°?\s?[NS]?\s?[,;/| ]\s?[-+]?\d{1,3}\.\d{3,}"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ADDRESS = re.compile(
    rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?\d)"
    # IPv6: eight groups, or fewer around a double colon.
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}(?![\w:])"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}:(?![\w:])"
    # The address of a network card.
    r"|(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE
)
_CARD = re.compile(r"(?<![\d.])[2-6](?:[ -]?\d){13,18}(?![\d.])")
# A plus sign in a query is decoded as a space.
_INTERNATIONAL_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00|^ )[1-9](?:[ ().\-/]{0,3}\d){6,14}(?!\d)"
)
_PHONE = re.compile(
    r"(?<![\w.,:/-])\(?\d{1,10}\)?(?:[ .\-/]{1,3}\(?\d{2,10}\)?){1,6}"
    r"(?:\s?x\d{1,6})?(?![\w:])"
)
_PHONE_DIGITS = range(7, 21)
_DATE = re.compile(
    r"(?<!\d)(?<!\d[-./])(?:(?:19|20)\d\d([-./ ])(?:0?[1-9]|1[0-2])"
    r"(?:\1(?:0?[1-9]|[12]\d|3[01]))?"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./ ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d)"
    r"(?![-./]?\d)"
)
# Decimals, thousands, and ranges of years or round numbers.
_MEASURE = re.compile(
    r"(?:[1-9]\d*|0)\.\d+|[1-9]\d{0,2}(?:\.\d{3})+"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d|[1-9]\d*0 ?- ?[1-9]\d*0"
)
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_SHORTEST_NUMBER = 7


def looks_personal(text: str) -> bool:
    """Whether *text* must not be stored."""
    return personal_kind(text) is not None


def personal_kind(text: str) -> PersonalKind | None:
    """Return the kind of personal data in *text*, or None."""
    if _HARMLESS.fullmatch(text) and " dot " not in text:
        return None
    if len(text) > _LONGEST:
        return PersonalKind.TOKEN
    readable = _readable(text)
    return PersonalKind.TOKEN if _ESCAPE.search(readable) else _check_closely(readable)


def is_day_number(digits: str) -> bool:
    """Whether *digits* are a calendar day, such as 20241231."""
    return _DAY.fullmatch(digits) is not None


def _readable(text: str) -> str:
    """Return *text* as a person reads it: decoded, without lookalike characters."""
    for _ in range(_DECODINGS if "%" in text else 0):
        text = unquote(text)
    if text.isascii():
        return text
    return plain_text(unicodedata.normalize("NFKC", text).translate(_DIGITS))


class _AsciiDigits(dict[int, str]):
    """Translates the digits of any script to ASCII; keeps other characters."""

    def __missing__(self, code: int) -> str:
        return str(unicodedata.decimal(chr(code), chr(code)))


_DIGITS = _AsciiDigits()


def _check_closely(text: str) -> PersonalKind | None:
    if ("@" in text and _EMAIL.search(text)) or _EMAIL_IN_WORDS.search(text):
        return PersonalKind.EMAIL
    if _DIGIT.search(text):
        kind = _numeric_kind(text)
        if kind is not None:
            return kind
    if _RUN.search(text):
        if _SECRET.search(text):
            return PersonalKind.SECRET
        if _TOKEN.search(text) or has_random_run(text):
            return PersonalKind.TOKEN
    return PersonalKind.ADDRESS if ":" in text and _ADDRESS.search(text) else None


def _numeric_kind(text: str) -> PersonalKind | None:
    if any(map(is_card, _CARD.findall(text))):
        return PersonalKind.CARD
    if any(map(is_iban, _IBAN.findall(text))):
        return PersonalKind.IBAN
    if _ADDRESS.search(text):
        return PersonalKind.ADDRESS
    if _COORDINATES.search(text):
        return PersonalKind.COORDINATES
    if _USER_AGENT.search(text):
        return PersonalKind.USER_AGENT
    return _number_kind(text)


def _number_kind(text: str) -> PersonalKind | None:
    if _INTERNATIONAL_PHONE.search(text) or _has_phone(text):
        return PersonalKind.PHONE
    digits = text.strip()
    if not digits.isdigit() or len(digits) < _SHORTEST_NUMBER:
        return None
    return None if is_day_number(digits) else PersonalKind.NUMBER


def _has_phone(text: str) -> bool:
    for match in _PHONE.finditer(_DATE.sub(" ", text)):
        digits = sum(map(str.isdigit, match[0]))
        if digits in _PHONE_DIGITS and not _MEASURE.fullmatch(match[0]):
            return True
    return False
