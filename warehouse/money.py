"""Amounts of money, read digit by digit into minor units: never through floats.

What the proxy stores and what a report compares it with are read by this one function,
and the decimals of a currency come from one table.
"""

import re
from decimal import Decimal
from functools import lru_cache

from babel.core import get_global

_CODE_LENGTH = 3
_DEFAULT = "DEFAULT"
_NO_MONEY = frozenset({"XXX", "XTS"})
# CLDR lists the decimals people still use; ISO 4217, which shops and payment providers
# follow, kept these.
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
# An amount as it is written where nothing but digits and a point is.
PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,24})?")
_LEAST_EXPONENT = -30
_MOST_DIGITS = 40


def minor_digits(currency: str) -> int | None:
    """Return the decimals of *currency* by ISO 4217, None where it is no currency."""
    # Clients name currencies, so what is remembered of them is short and little.
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
    """Return *amount* in minor units of *currency*, None where it is no amount.

    More decimals than the currency has are rounded, half to even. Exponents, NaN,
    thousands separators and amounts past ``LARGEST_AMOUNT`` are refused.
    """
    digits = minor_digits(currency)
    parts = _parts(amount)
    if digits is None or parts is None:
        return None
    coefficient, exponent = parts
    minor = _scaled(coefficient, exponent + digits)
    return minor if abs(minor) <= LARGEST_AMOUNT else None


def _parts(amount: Decimal | str | int | None) -> tuple[int, int] | None:
    """Return *amount* as whole number and power of ten."""
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
    # A positive exponent was written as one, as in 1e9; NaN has a letter here.
    if not isinstance(exponent, int) or not _LEAST_EXPONENT <= exponent <= 0:
        return None
    if len(digits) > _MOST_DIGITS:
        return None
    coefficient = int("".join(map(str, digits)))
    return (-coefficient if sign else coefficient), exponent


def _scaled(coefficient: int, power: int) -> int:
    """Return *coefficient* times ten to *power*, halves rounded to even."""
    if power >= 0:
        return coefficient * _ten_to(power)
    unit = _ten_to(-power)
    whole, rest = divmod(abs(coefficient), unit)
    if rest * 2 > unit or (rest * 2 == unit and whole % 2):
        whole += 1
    return -whole if coefficient < 0 else whole


def _ten_to(power: int) -> int:
    return int("1" + "0" * power)
