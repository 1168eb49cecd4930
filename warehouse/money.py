"""Parse amounts of money into minor units, digit by digit and never through floats.

The proxy and the reports use the same function, so that stored amounts and amounts from
other sources are comparable. The decimals of a currency come from one table.
"""

import re
from decimal import Decimal
from functools import lru_cache

from babel.core import get_global

_CODE_LENGTH = 3
_DEFAULT = "DEFAULT"
_NO_MONEY = frozenset({"XXX", "XTS"})
# CLDR lists the decimals in daily use. Shops and payment providers follow ISO 4217,
# which has more decimals for these currencies.
_ISO = {
    "AFN": 2,
    "ALL": 2,
    "IQD": 3,
    "IRR": 2,
    "KPW": 2,
    "LAK": 2,
    "LBP": 2,
    "MGA": 2,
    "MMK": 2,
    "RSD": 2,
    "SOS": 2,
    "SYP": 2,
    "YER": 2,
}
LARGEST_AMOUNT = 10**12
# An amount written only with a sign, digits and a decimal point.
PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,24})?")
_LEAST_EXPONENT = -30
_MOST_DIGITS = 40


def minor_digits(currency: str) -> int | None:
    """Return the decimals of *currency* by ISO 4217, None if it is no currency."""
    # Clients choose these texts, so the cache holds only short ones and only 512.
    return _minor_digits(currency) if len(currency) == _CODE_LENGTH else None


@lru_cache(512)
def _minor_digits(currency: str) -> int | None:
    if currency in _NO_MONEY or currency not in get_global("all_currencies"):
        return None
    if currency in _ISO:
        return _ISO[currency]
    fractions = get_global("currency_fractions")
    return int(fractions.get(currency, fractions[_DEFAULT])[0])


def money(amount: Decimal | str | int | None, currency: str) -> int | None:
    """Return *amount* in minor units of *currency*, None if it is no valid amount.

    Decimals beyond those of the currency are rounded, half to even. Exponents, NaN,
    thousands separators and amounts beyond ``LARGEST_AMOUNT`` are not valid.
    """
    digits = minor_digits(currency)
    parts = _parts(amount)
    if digits is None or parts is None:
        return None
    coefficient, exponent = parts
    minor = _scaled(coefficient, exponent + digits)
    return minor if abs(minor) <= LARGEST_AMOUNT else None


def product_of(price: Decimal, quantity: Decimal, currency: str) -> int | None:
    """Return *price* times *quantity* in minor units; None if ``money`` would be.

    The product is rounded once, half to even.
    """
    digits = minor_digits(currency)
    parts, times = _parts(price), _parts(quantity)
    if digits is None or parts is None or times is None:
        return None
    minor = _scaled(parts[0] * times[0], parts[1] + times[1] + digits)
    return minor if abs(minor) <= LARGEST_AMOUNT else None


def _parts(amount: Decimal | str | int | None) -> tuple[int, int] | None:
    """Return *amount* as an integer and a power of ten."""
    if isinstance(amount, bool):
        return None
    if isinstance(amount, int):
        return (amount, 0) if abs(amount) <= LARGEST_AMOUNT else None
    if isinstance(amount, str):
        if PLAIN_DECIMAL.fullmatch(amount) is None:
            return None
        whole, _, fraction = amount.partition(".")
        return int(whole + fraction), -len(fraction)
    if isinstance(amount, Decimal):
        return _decimal_parts(amount)
    return None


def _decimal_parts(amount: Decimal) -> tuple[int, int] | None:
    sign, digits, exponent = amount.as_tuple()
    # A positive exponent comes from a text such as 1e9; for NaN this is a letter.
    if not isinstance(exponent, int) or not _LEAST_EXPONENT <= exponent <= 0:
        return None
    if len(digits) > _MOST_DIGITS:
        return None
    coefficient = int("".join(map(str, digits)))
    return (-coefficient if sign else coefficient), exponent


def _scaled(coefficient: int, power: int) -> int:
    """Return *coefficient* times ten to the *power*, rounded half to even."""
    if power >= 0:
        return coefficient * _ten_to(power)
    unit = _ten_to(-power)
    whole, rest = divmod(abs(coefficient), unit)
    if rest * 2 > unit or (rest * 2 == unit and whole % 2):
        whole += 1
    return -whole if coefficient < 0 else whole


def _ten_to(power: int) -> int:
    return int("1" + "0" * power)
