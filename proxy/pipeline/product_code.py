"""Which product codes may be stored: codes and names of products, no personal data."""

import re
from typing import Final

from proxy.pii.detect import PersonalKind, personal_kind
from proxy.pii.plain_text import plain_text
from proxy.pii.readable import ascii_digits, hidden_texts

MAX_CODE_LENGTH = 100
# Stored instead of a product code that looks like a person's data, or is too long.
CUT: Final = ":cut"

# Product codes may be long numbers or look random: neither identifies a person.
_CODE_KINDS = frozenset({PersonalKind.NUMBER, PersonalKind.TOKEN, PersonalKind.PHONE})
# Barcodes and ids of shop systems have up to 14 digits: one in ten passes a card's
# check by chance.
_CARD_SHAPE = re.compile(r"\d{15}|\d[ ._-]+\d")
# A longer text is cut in any case, so it is not searched for personal data.
_LONGEST_TEXT = 1_000


def clean_code(code: str | int | None) -> str | None:
    """Return a product or variant code, ``CUT`` if it may not be stored."""
    if code is None:
        return None
    if isinstance(code, int):
        # Python refuses to convert very large numbers to text.
        if code.bit_length() > _LONGEST_TEXT:
            return CUT
        code = str(code)
    if len(code) > _LONGEST_TEXT:
        return CUT if code.strip() else None
    text = plain_text(code)
    if not text:
        return None
    return text if len(text) <= MAX_CODE_LENGTH and _is_code(text) else CUT


def _is_code(text: str) -> bool:
    """Whether *text* is a code or a product's name, not the data of a person.

    Between words, or behind an encoding, a number is no code.
    """
    kind = personal_kind(text)
    if kind is None:
        return True
    if kind is PersonalKind.CARD:
        return " " not in text and _CARD_SHAPE.search(ascii_digits(text)) is None
    if kind not in _CODE_KINDS or text.startswith("+"):
        return False
    if kind is PersonalKind.TOKEN:
        return all(map(_is_code, hidden_texts(text)))
    return " " not in text
