"""Finds telephone numbers, government numbers and long digit runs in readable text."""

import re

# The separators between the groups of one number.
_GROUP = r"[ ().\-/]{0,3}"
# A plus sign in a query is decoded as a space.
_INTERNATIONAL_PHONE = re.compile(
    rf"(?<![\w.])(?:\+|00|^ )[1-9](?:{_GROUP}\d){{6,14}}(?!\d)"
)
_PHONE = re.compile(
    r"(?<![\w.,:/-])\(?\d{1,10}\)?(?:[ .\-/]{1,3}\(?\d{2,10}\)?){1,6}"
    r"(?:\s?x\d{1,6})?(?![\w:])"
)
# Inside a slug, after a word and "-" or "_". Sizes and versions have fewer digits.
_SLUG_PHONE = re.compile(
    r"(?<![^\W_])(?<!\d[-.])\+?\d{1,5}(?:[-_+|. ]\(?\d{2,6}\)?){2,5}"
    r"(?![^\W_])(?![-_.]\d)"
)
# A date, with the hour or a number behind it.
_NUMBERED_DATE = re.compile(r"(?:19|20)\d\d(?:[-_]\d\d){2,5}")
_PHONE_DIGITS = range(7, 21)
_SLUG_PHONE_DIGITS = range(9, 21)
_DATE = re.compile(
    r"(?<!\d)(?<!\d[-./])(?:(?:19|20)\d\d([-./_ ])(?:0?[1-9]|1[0-2])"
    r"(?:\1(?:0?[1-9]|[12]\d|3[01]))?"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./_ ])(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)\d\d)"
    r"(?![-./]?\d)"
)
# Decimals, thousands, and ranges of years or round numbers.
_MEASURE = re.compile(
    r"(?:[1-9]\d*|0)\.\d+|[1-9]\d{0,2}(?:\.\d{3})+"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d|[1-9]\d*0 ?- ?[1-9]\d*0"
)
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_SHORTEST_NUMBER = 7
# A run that stands alone, and a longer one behind or before letters.
_RUN = re.compile(
    r"(?<![^\W_])(?<!\d[.,])\d{7,}(?![^\W_])(?![.,]\d)|(?<!\d)(?<!\d[.,])\d{9,}(?!\d)"
)
# Lengths of numbers that start with a day: with hours, minutes and seconds.
_TIMESTAMP_DIGITS = (8, 10, 12, 14)
_DAY_DIGITS = 8
_ROUND = re.compile("[1-9][0-9]{0,2}0{5,}")


def is_day_number(digits: str) -> bool:
    """Whether *digits* are a calendar day, such as 20241231."""
    return _DAY.fullmatch(digits) is not None


def has_phone(text: str) -> bool:
    """Whether *text* contains a number in the groups of a telephone or card."""
    if _INTERNATIONAL_PHONE.search(text):
        return True
    undated = _DATE.sub(" ", text)
    for match in _PHONE.finditer(undated):
        if _digits(match[0]) in _PHONE_DIGITS and not _MEASURE.fullmatch(match[0]):
            return True
    return any(
        _digits(match[0]) in _SLUG_PHONE_DIGITS
        and not _NUMBERED_DATE.fullmatch(match[0])
        for match in _SLUG_PHONE.finditer(undated)
    )


def has_long_number(text: str) -> bool:
    """Whether *text* contains a long run of digits that is neither date nor measure."""
    if text.isdigit():
        return len(text) >= _SHORTEST_NUMBER and not is_day_number(text)
    return not all(map(_is_harmless, _RUN.findall(text)))


def _is_harmless(digits: str) -> bool:
    """Whether *digits* are a moment or a round number."""
    if _ROUND.fullmatch(digits):
        return True
    return len(digits) in _TIMESTAMP_DIGITS and is_day_number(digits[:_DAY_DIGITS])


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
