"""Amounts of money, read digit by digit into minor units: never through floats.

What the proxy stores and what a report compares it with are read by this one function.
"""

import re
from decimal import Decimal

from warehouse.currency import minor_digits

LARGEST_AMOUNT = 10**12
# An amount as it is written where nothing but digits and a point is.
PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,24})?")

_LEAST_EXPONENT = -30
_MOST_DIGITS = 40


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
