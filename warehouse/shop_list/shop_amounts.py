"""Amounts of the shop's list, such as ``1.234,50`` or ``$5``, as plain decimals.

An amount that can be read in two ways is an error, unless the list or the user says
which character is its decimal separator.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Final

from warehouse.money import minor_digits
from warehouse.shop_list.unreadable import UnreadableCellError

_GROUP: Final = 3
_SPACES: Final = "\\s'\u2019\u00a0\u202f"
_NUMBER: Final = re.compile(rf"[0-9](?:[0-9.,{_SPACES}]*[0-9])?")
_PARTS: Final = re.compile(rf"([0-9.,{_SPACES}]*)([.,])([0-9]+)")
# Groups of three, or the Indian groups of two before a group of three.
_GROUPED: Final = re.compile(
    rf"[0-9]{{1,3}}(?:([.,{_SPACES}])[0-9]{{3}})(?:\1[0-9]{{3}})*"
    r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
)
# The symbols of each currency; its ISO 4217 code is always one of them.
_SYMBOLS: Final[Mapping[str, str]] = {
    "EUR": "€",
    "GBP": "£",
    "USD": "$ us$",
    "CAD": "$ ca$ c$",
    "AUD": "$ au$ a$",
    "NZD": "$ nz$",
    "HKD": "$ hk$",
    "SGD": "$ s$",
    "TWD": "$ nt$",
    "MXN": "$ mx$",
    "ARS": "$",
    "CLP": "$",
    "COP": "$",
    "UYU": "$ $u",
    "BRL": "r$",
    "ZAR": "r",
    "JPY": "¥ 円",
    "CNY": "¥ 元",
    "SEK": "kr",
    "NOK": "kr",
    "DKK": "kr kr.",
    "ISK": "kr kr.",
    "PLN": "zł",
    "CZK": "kč",
    "HUF": "ft",
    "RON": "lei",
    "MDL": "lei",
    "CHF": "fr. sfr.",
    "BGN": "лв лв.",
    "RSD": "din. дин.",
    "RUB": "₽",
    "UAH": "₴",
    "TRY": "₺ tl",
    "ILS": "₪",
    "INR": "₹ rs.",
    "BDT": "৳",
    "KRW": "₩",
    "VND": "₫",
    "THB": "฿",
    "PHP": "₱",
    "NGN": "₦",
    "MYR": "rm",
    "IDR": "rp",
    "PEN": "s/",
}
_ALL_SYMBOLS: Final = frozenset(" ".join(_SYMBOLS.values()).split())


class DecimalMark(StrEnum):
    """The decimal separator of an amount."""

    POINT = "point"
    COMMA = "comma"

    @property
    def character(self) -> str:
        """The separator itself."""
        return "." if self is DecimalMark.POINT else ","


def shown_mark(text: str, currency: str) -> DecimalMark | None:
    """Return the decimal separator that *text* shows beyond doubt, or None."""
    match = _NUMBER.search(text)
    parts = _PARTS.fullmatch(match.group()) if match else None
    if parts is None:
        return None
    whole, mark, fraction = parts.groups()
    if mark in whole:
        # A separator that comes twice groups digits.
        return _other(mark)
    if len(fraction) != _GROUP or len(whole) > _GROUP or not _plain(whole):
        return _mark(mark)
    # Three digits after the only separator: a group, or decimals of the currency.
    digits = minor_digits(currency)
    if digits == 0:
        return _other(mark)
    return _mark(mark) if digits == _GROUP or whole in ("", "0") else None


def plain_amount(text: str, currency: str, mark: DecimalMark | None) -> str:
    """Return *text* as a plain decimal; *mark* is the list's decimal separator."""
    number = _without_symbol(text.strip(), currency)
    shown = shown_mark(number, currency)
    mark = mark or shown
    if mark is None:
        if "." in number or "," in number:
            raise UnreadableCellError(
                "the amount may have decimals or groups of thousands",
                "name the decimal separator with --decimal point or --decimal comma",
            )
        mark = DecimalMark.POINT
    sign = "-" if number.startswith("-") else ""
    whole, _, fraction = number.lstrip("+-").partition(mark.character)
    has_fraction = mark.character in number
    if not _is_whole(whole) or has_fraction != bool(fraction) or not _plain(fraction):
        raise _not_plain(shown, mark)
    return sign + re.sub(r"[^0-9]", "", whole) + (f".{fraction}" if fraction else "")


def amounts_in(text: str) -> list[str]:
    """Return the parts of *text* that hold one amount each, with its symbol."""
    numbers = [*_NUMBER.finditer(text)]
    if not numbers:
        return [text]
    is_symbol_first = bool(text[: numbers[0].start()].strip("+- "))
    cuts = (
        [number.end() for number in numbers[:-1]]
        if is_symbol_first
        else [number.start() for number in numbers[1:]]
    )
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


def _is_whole(text: str) -> bool:
    return _plain(text) or _GROUPED.fullmatch(text) is not None


def _plain(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _without_symbol(text: str, currency: str) -> str:
    """Return *text* without the sign or code of *currency*."""
    match = _NUMBER.search(text)
    if match is None:
        raise _not_plain(None, DecimalMark.POINT)
    before, after = text[: match.start()], text[match.end() :]
    sign = "-" if "-" in before else ""
    names = (before.strip().strip("+-").strip(), after.strip())
    own = {currency.lower(), *_SYMBOLS.get(currency, "").split()}
    for name in filter(None, map(str.lower, names)):
        if name in own:
            continue
        if name in _ALL_SYMBOLS or minor_digits(name.upper()) is not None:
            raise UnreadableCellError(
                "the amount is in another currency",
                "name the column of the currency with --currency-column",
            )
        raise _not_plain(None, DecimalMark.POINT)
    return sign + match.group()


def _mark(character: str) -> DecimalMark:
    return DecimalMark.POINT if character == "." else DecimalMark.COMMA


def _other(character: str) -> DecimalMark:
    return DecimalMark.COMMA if character == "." else DecimalMark.POINT


def _not_plain(shown: DecimalMark | None, mark: DecimalMark) -> UnreadableCellError:
    if shown is not None and shown is not mark:
        return UnreadableCellError(
            f"the amount has a decimal {shown}, not a decimal {mark}",
            f"if all amounts have it, add --decimal {shown}",
        )
    return UnreadableCellError(
        "the amount is not a number such as 59.90, 1.234,50 or €5",
        "remove words and other signs",
    )
