"""Recognizes values that look personal, in any field but paths (``page.path_scrub``).

A result is only the kind of personal data, never the value. The first pattern accepts
nearly all ordinary values. All others get a closer check in linear time.
"""

import re
from enum import StrEnum
from unicodedata import is_normalized

from proxy.pii.account_numbers import is_card, is_iban
from proxy.pii.numbers import has_long_number, has_phone
from proxy.pii.readable import hidden_texts, readable
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
_ALONE = r"(?![ .,/+_|#=-]?[0-9])"
_NUMBER = (
    rf"(?:(?:19|20)[0-9]{{2}}(?:[-_][0-9]{{2}}){{1,2}}+{_ALONE}"
    rf"|[0-9]{{1,6}}+(?:\.[0-9]{{1,2}}+)?+{_ALONE}[^\W\d_]{{0,3}}+)"
)
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
    # The bounds keep a text with many beginnings in linear time.
    r"(?<![A-Za-z0-9])eyJ[\w-]{5,300}+\.[\w-]{5}"
    r"|(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[-_](?:(?:live|test|proj|ant)[-_])?"
    r"|gh[oprsu]_|github_pat_|glpat-|xox[a-z]-|whsec_|shp[a-z]{2}_|npm_|pypi-"
    r"|A[KS]IA|AIza|ya29\.|SG\.)(?=[A-Za-z_-]{0,64}+[0-9])[\w-]{10}"
    # The name of a secret, and its value.
    r"|(?<![A-Za-z0-9])(?:jsessionid|phpsessid|aspsessionid\w*|cfid|cftoken|sessionid"
    r"|session_id|sessid|sid|password|passwd|passwort|token|access_token|api_?key)"
    r"\s?[=:]\s?(?=[A-Za-z_.~-]{0,64}+[0-9])[\w.~-]{3}"
    r"|-----BEGIN",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?<![a-z0-9])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![a-z0-9])(?:0x)?(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{16,}(?![a-z0-9])",
    re.IGNORECASE,
)
_USER_AGENT = re.compile(
    r"Mozilla/\d|AppleWebKit/\d|\((?:Windows NT|X11; |Macintosh; |iPhone; |Linux; )"
)
_FRACTION = r"(?:\.\d{3,}|,\d{4,})"
# Between latitude and longitude: a separator, and perhaps the name of the second.
_AXIS = r"\s?[NS]?\s?[,;/| _&]\s?(?:lo?ng?(?:itude)?)?\s?[=:]?\s?"
_COORDINATES = re.compile(
    rf"(?<![\d.])[-+]?\d{{1,2}}{_FRACTION}°?{_AXIS}[-+]?\d{{1,3}}{_FRACTION}"
    # Degrees and minutes: 52°31'N.
    r"|\d{1,3}\s?°\s?\d{1,2}(?:[.,]\d+)?\s?['\u2019\u2032]"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ADDRESS = re.compile(
    rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?\d)"
    # In the name of a host: host-203-0-113-7. Dates and sizes have smaller numbers.
    rf"|(?<![A-Za-z0-9])(?<!\d[-_])(?=(?:\d+[-_]){{0,3}}\d{{3}}(?!\d))"
    rf"{_OCTET}([-_])(?:{_OCTET}\1){{2}}{_OCTET}(?![A-Za-z0-9]|[-_.]\d)"
    # IPv6: eight groups, or fewer around a double colon.
    r"|(?<![A-Za-z0-9:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![A-Za-z0-9:])"
    r"|(?<![A-Za-z0-9:])(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}(?![A-Za-z0-9:])"
    r"|(?<![A-Za-z0-9:])(?:[0-9a-f]{1,4}:){2,7}:(?![A-Za-z0-9:])"
    # The address of a network card.
    r"|(?<![A-Za-z0-9:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![A-Za-z0-9:-])",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?:[ ._-]?[A-Z0-9]){11,30}", re.IGNORECASE
)
_CARD = re.compile(r"(?<![\d.])[2-6](?:[ ._-]?\d){13,18}(?![\d.])")
# In the order in which they are searched.
_NUMERIC = (
    (_ADDRESS, PersonalKind.ADDRESS),
    (_COORDINATES, PersonalKind.COORDINATES),
    (_USER_AGENT, PersonalKind.USER_AGENT),
)


def looks_personal(text: str) -> bool:
    """Whether *text* must not be stored."""
    return personal_kind(text) is not None


def personal_kind(text: str) -> PersonalKind | None:
    """Return the kind of personal data in *text*, or None."""
    # Some digits, such as circled ones, count as letters until they are normalized.
    if (
        _HARMLESS.fullmatch(text)
        and " dot " not in text
        and is_normalized("NFKC", text)
    ):
        return None
    if len(text) > _LONGEST:
        return PersonalKind.TOKEN
    text = readable(text)
    if _ESCAPE.search(text):
        return PersonalKind.TOKEN
    return _check_closely(text) or _hidden_kind(text)


def _hidden_kind(text: str) -> PersonalKind | None:
    """Return what base64 or hex in *text* hides; random bytes hide nothing."""
    kinds = map(_check_closely, hidden_texts(text)) if _RUN.search(text) else ()
    return next((kind for kind in kinds if kind is not None), None)


def _check_closely(text: str) -> PersonalKind | None:
    if ("@" in text and _EMAIL.search(text)) or _EMAIL_IN_WORDS.search(text):
        return PersonalKind.EMAIL
    if _DIGIT.search(text):
        kind = _numeric_kind(text)
        if kind is not None:
            return kind
    if _RUN.search(text) or "=" in text or ":" in text:
        if _SECRET.search(text):
            return PersonalKind.SECRET
        if _TOKEN.search(text) or has_random_run(text):
            return PersonalKind.TOKEN
    if ":" in text and _ADDRESS.search(text):
        return PersonalKind.ADDRESS
    return PersonalKind.NUMBER if has_long_number(text.strip()) else None


def _numeric_kind(text: str) -> PersonalKind | None:
    if any(map(is_card, _CARD.findall(text))):
        return PersonalKind.CARD
    if any(map(is_iban, _IBAN.findall(text))):
        return PersonalKind.IBAN
    for pattern, kind in _NUMERIC:
        if pattern.search(text):
            return kind
    if has_phone(text):
        return PersonalKind.PHONE
    # Digits alone are no token, however many they are.
    is_number = text.strip().isdigit() and has_long_number(text.strip())
    return PersonalKind.NUMBER if is_number else None
