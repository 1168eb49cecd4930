"""Figures and values as text for people.

Stored values come from unknown senders. Characters that could control a terminal are
shown as escape sequences. The only door to Babel, for the names of countries.
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
    """Return *value* with separators and unit; an unknown value gives an empty text."""
    if value is None:
        return ""
    if unit is Unit.MINOR:
        return money_text(int(value), currency)
    return _FORMATTERS[unit](value)


def head_text(metric: Metric, currency: str) -> str:
    """Return the label of a metric's column; amounts name their currency."""
    return f"{metric.label} {currency}" if metric.unit is Unit.MINOR else metric.label


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY:,}d {whole % _DAY // _HOUR:02}h"


def money_text(minor: int, currency: str) -> str:
    """Return an amount with the decimals of *currency*, without its code."""
    digits = minor_digits(currency) or 0
    whole, part = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{digits}}" if digits else f"{sign}{whole:,}"


def value_text(dimension: str, value: str) -> str:
    """Return the value of a dimension, safe to print; a country with its name."""
    if dimension == "country":
        name = _territories().get(value)
        return f"{value} {name}" if name else printable(value)
    return printable(value)


def printable(text: str) -> str:
    """Return *text* with control and format characters and surrogates escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


_FORMATTERS: Final[dict[Unit, Callable[[float], str]]] = {
    Unit.COUNT: "{:,.0f}".format,
    Unit.SHARE: "{:.1%}".format,
    Unit.RATIO: "{:,.2f}".format,
    Unit.SECONDS: duration_text,
    Unit.MILLISECONDS: lambda value: duration_text(value / 1_000),
}


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


@cache
def _territories() -> dict[str, str]:
    from babel import Locale  # noqa: PLC0415 - 50 ms to import

    return dict(Locale("en").territories)
