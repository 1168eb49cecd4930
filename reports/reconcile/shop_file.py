"""The shop's own list of orders, read from its CSV export a row at a time.

A total that cannot be read exactly stops the reading: a list compared in part says
nothing. A problem names its row and column, never what stands there.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from config.errors import MillpondError
from config.settings import SiteSettings
from warehouse.money import PLAIN_DECIMAL, minor_digits, money

_SEPARATORS: Final = (",", ";", "\t")
_OFFSET: Final = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)", re.ASCII)
_BLANK: Final = re.compile(r"[\s_.\-]+")


class ListColumn(StrEnum):
    """What a row of the list can say of an order."""

    ID = "id"
    TOTAL = "total"
    CURRENCY = "currency"
    DATE = "date"


# What shops call them; of several in one file the first counts.
KNOWN: Final[Mapping[ListColumn, Sequence[str]]] = {
    ListColumn.ID: (
        *("order id", "order number", "order no", "order", "transaction id"),
        *("invoice number", "invoice no", "invoiceno", "id", "name"),
    ),
    ListColumn.TOTAL: (
        *("total", "order total", "grand total", "total price", "amount"),
        *("order value", "revenue", "value"),
    ),
    ListColumn.CURRENCY: ("currency", "currency code", "order currency"),
    ListColumn.DATE: (
        *("date", "order date", "created at", "date created", "created", "placed at"),
        *("invoice date", "invoicedate", "paid at", "timestamp"),
    ),
}
_NEEDED: Final = (ListColumn.ID, ListColumn.TOTAL)


class DecimalMark(StrEnum):
    """What parts an amount's whole from its fraction."""

    POINT = "point"
    COMMA = "comma"


_SWAPPED: Final = str.maketrans(",.", ".,")


class ShopFileError(MillpondError):
    """The shop's list cannot be read."""


class ColumnNameError(MillpondError):
    """A column named on the command line is not in the list."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """One order as the shop lists it; *day* is the site's, if the list has dates."""

    id: str
    minor: int
    currency: str
    day: date | None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How to read the list: columns named by hand, and the decimal mark."""

    columns: Mapping[ListColumn, str] = field(default_factory=dict)
    mark: DecimalMark = DecimalMark.POINT


def shop_orders(
    lines: Iterable[str], site: SiteSettings, reading: ListOptions
) -> Iterator[ShopOrder]:
    """Yield the orders of the list in *lines*, each once, in their order.

    A row that repeats an order without another total is one of its lines.
    """
    try:
        yield from _ListReader(lines, site, reading).orders()
    except UnicodeError:
        raise ShopFileError(
            "read the shop's orders: not text in UTF-8",
            hint="export it again as CSV in UTF-8",
        ) from None
    except csv.Error:
        raise ShopFileError("read the shop's orders: not a CSV file") from None


class _ListReader:
    """One pass over the rows."""

    def __init__(
        self, lines: Iterable[str], site: SiteSettings, reading: ListOptions
    ) -> None:
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self._mark = reading.mark
        source = iter(lines)
        head = next(source, "").removeprefix("\ufeff")
        # The separator is the one that makes the most columns of the first row.
        heads = (next(csv.reader([head], delimiter=each)) for each in _SEPARATORS)
        names, separator = max(
            zip(heads, _SEPARATORS, strict=True), key=lambda each: len(each[0])
        )
        self._places = _places(names, reading.columns)
        self._rows = csv.reader(source, delimiter=separator, strict=True)

    def orders(self) -> Iterator[ShopOrder]:
        seen: dict[str, tuple[int, str]] = {}
        for number, row in enumerate(self._rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(self._places.values()):
                raise _problem(number, "fewer cells than the first row")
            cell = {column: row[n].strip() for column, n in self._places.items()}
            found = self._order(number, cell, seen)
            if found is not None:
                yield found

    def _order(
        self,
        number: int,
        cell: Mapping[ListColumn, str],
        seen: dict[str, tuple[int, str]],
    ) -> ShopOrder | None:
        """Return the order of a row; None for a further line of one *seen*."""
        name = cell[ListColumn.ID]
        if not name:
            raise _problem(number, "no order id")
        if name in seen and not cell[ListColumn.TOTAL]:
            return None
        currency = self._currency(number, cell.get(ListColumn.CURRENCY, ""))
        minor = self._minor(number, cell[ListColumn.TOTAL], currency)
        if name not in seen:
            seen[name] = (minor, currency)
            day = self._day(number, cell.get(ListColumn.DATE, ""))
            return ShopOrder(name, minor, currency, day)
        if seen[name] != (minor, currency):
            raise _problem(number, "an order again, with another total")
        return None

    def _currency(self, number: int, text: str) -> str:
        currency = text.upper() or self._site.currency
        if minor_digits(currency) is None:
            raise _problem(number, "unknown currency; ISO 4217 codes such as EUR")
        return currency

    def _minor(self, number: int, text: str, currency: str) -> int:
        amount = _pointed(text, self._mark)
        if not PLAIN_DECIMAL.fullmatch(amount):
            raise _amount_problem(number, text, self._mark)
        minor = money(amount, currency)
        if minor is None:
            raise _problem(number, "a total past 10,000,000,000.00")
        return minor

    def _day(self, number: int, text: str) -> date | None:
        """Return the site's local date; a time that names its offset is moved."""
        if not text:
            return None
        plain = _OFFSET.sub("", text.removesuffix(" UTC"))
        try:
            at = datetime.fromisoformat(plain + ("Z" if text.endswith(" UTC") else ""))
        except ValueError:
            raise _problem(
                number, "not a date such as 2026-11-22 or 2026-11-22 14:05:00"
            ) from None
        return (at.astimezone(self._zone) if at.tzinfo else at).date()


def _places(
    head: Sequence[str], named: Mapping[ListColumn, str]
) -> dict[ListColumn, int]:
    """Return which cell of a row holds what."""
    names = [_plain(each) for each in head]
    places = {}
    for column in ListColumn:
        wanted = [named[column]] if column in named else KNOWN[column]
        found = [_plain(each) for each in wanted if _plain(each) in names]
        if found:
            places[column] = names.index(found[0])
        elif column in named:
            raise ColumnNameError(
                f"--{column}-column: no column of that name in the first row"
            )
        elif column in _NEEDED:
            raise ShopFileError(
                f"read the shop's orders: no column for the order's {column}",
                hint=f"name it with --{column}-column; known: {', '.join(wanted)}",
            )
    return places


def _plain(name: str) -> str:
    return _BLANK.sub(" ", name.strip().lower())


def _pointed(text: str, mark: DecimalMark) -> str:
    """Return an amount with *mark* as one with a point, any other as none."""
    return text if mark is DecimalMark.POINT else text.translate(_SWAPPED)


def _problem(number: int, text: str, hint: str | None = None) -> ShopFileError:
    return ShopFileError(f"read the shop's orders: row {number}: {text}", hint=hint)


def _amount_problem(number: int, text: str, mark: DecimalMark) -> ShopFileError:
    if not text:
        return _problem(number, "no total")
    other = DecimalMark.COMMA if mark is DecimalMark.POINT else DecimalMark.POINT
    if PLAIN_DECIMAL.fullmatch(_pointed(text, other)):
        return _problem(
            number,
            f"a total with a decimal {other}",
            f"if all are written so, read them with --decimal {other}",
        )
    return _problem(
        number,
        "a total that is not a plain number such as 59.90",
        "no thousands separators, signs of currency or words",
    )
