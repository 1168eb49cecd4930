"""Figures and values as people read them; nothing here decides what they are.

Stored values come from strangers: whatever could steer a terminal is shown as an
escape instead. The only door to Babel's names of countries.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from reports.answer import Figure
from reports.metrics import Metric, Unit
from warehouse.money import minor_digits

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


def figure_text(value: Figure, unit: Unit, currency: str) -> str:
    """Return *value* with separators and unit signs; nothing for an unknown one."""
    if value is None:
        return ""
    if unit is Unit.MINOR:
        return money_text(int(value), currency)
    return _WRITERS[unit](value)


def head_text(metric: Metric, currency: str) -> str:
    """Return the label of a metric's column; amounts name their currency."""
    return f"{metric.label} {currency}" if metric.unit is Unit.MINOR else metric.label


def duration_text(seconds: float) -> str:
    """Return a time span in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY:,}d {whole % _DAY // _HOUR:02}h"


def money_text(minor: int, currency: str) -> str:
    """Return an amount in the currency's own digits, without its code."""
    digits = minor_digits(currency) or 0
    whole, part = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{digits}}" if digits else f"{sign}{whole:,}"


def value_text(dimension: str, value: str) -> str:
    """Return a dimension's value, safe to print; countries with their names."""
    if dimension == "country":
        name = _territories().get(value)
        return f"{value} {name}" if name else printable(value)
    return printable(value)


def printable(text: str) -> str:
    """Return *text* with every control, format and lone-surrogate sign escaped."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


_WRITERS: Final[dict[Unit, Callable[[float], str]]] = {
    Unit.COUNT: "{:,.0f}".format,
    Unit.SHARE: "{:.1%}".format,
    Unit.RATIO: "{:,.2f}".format,
    Unit.SECONDS: duration_text,
    Unit.MILLISECONDS: lambda value: duration_text(value / 1_000),
}


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


@cache
def _territories() -> dict[str, str]:
    from babel import Locale  # noqa: PLC0415 - 50 ms to import

    return dict(Locale("en").territories)
