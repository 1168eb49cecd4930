"""Reads the shop's own list of orders from a CSV export, one row at a time.

A row that cannot be read exactly is an error, because a comparison with a part of the
list would be misleading. An error names the row and the rule, never the cell's content.
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
    """The columns of the list that are read."""

    ID = "id"
    TOTAL = "total"
    CURRENCY = "currency"
    DATE = "date"


# The names that shops use; if a file has several of them, the first one here is read.
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
_REQUIRED: Final = (ListColumn.ID, ListColumn.TOTAL)


class DecimalMark(StrEnum):
    """The decimal separator of an amount."""

    POINT = "point"
    COMMA = "comma"


# A point in a list with decimal commas becomes a comma, so that it is refused.
_SWAPPED: Final = str.maketrans(",.", ".,")


class ShopFileError(MillpondError):
    """The shop's list cannot be read."""


class ColumnNameError(MillpondError):
    """A column named on the command line is not in the list."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """One order in the shop's list; *day* is the site's local date, if it has dates."""

    id: str
    minor: int
    currency: str
    day: date | None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How to read the list: the user's column names and the decimal separator."""

    columns: Mapping[ListColumn, str] = field(default_factory=dict)
    mark: DecimalMark = DecimalMark.POINT


def shop_orders(
    lines: Iterable[str], site: SiteSettings, options: ListOptions
) -> Iterator[ShopOrder]:
    """Yield the orders of the list in *lines*, without duplicates, in file order.

    A further row with the id of an earlier order and no other total is one of the
    lines of that order.
    """
    try:
        yield from _ListReader(lines, site, options).orders()
    except UnicodeError:
        raise ShopFileError(
            "read the shop's orders: the file is not text in UTF-8",
            hint="export the list again as CSV in UTF-8",
        ) from None
    except csv.Error:
        raise ShopFileError(
            "read the shop's orders: the file is not a CSV file"
        ) from None


class _ListReader:
    """Reads the rows of one list."""

    def __init__(
        self, lines: Iterable[str], site: SiteSettings, options: ListOptions
    ) -> None:
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self._mark = options.mark
        source = iter(lines)
        names, separator = _split_head(next(source, "").removeprefix("\ufeff"))
        self._positions = _column_positions(names, options.columns)
        self._rows = csv.reader(source, delimiter=separator, strict=True)

    def orders(self) -> Iterator[ShopOrder]:
        seen: dict[str, tuple[int, str]] = {}
        for number, row in enumerate(self._rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= max(self._positions.values()):
                raise _row_error(number, "the row has fewer cells than the first row")
            cells = {column: row[n].strip() for column, n in self._positions.items()}
            order = self._parse_order(number, cells, seen)
            if order is not None:
                yield order

    def _parse_order(
        self,
        number: int,
        cells: Mapping[ListColumn, str],
        seen: dict[str, tuple[int, str]],
    ) -> ShopOrder | None:
        """Return the order of a row; None for a further row of an order in *seen*."""
        order_id = cells[ListColumn.ID]
        if not order_id:
            raise _row_error(number, "the row has no order id")
        if order_id in seen and not cells[ListColumn.TOTAL]:
            return None
        currency = self._parse_currency(number, cells.get(ListColumn.CURRENCY, ""))
        minor = self._parse_total(number, cells[ListColumn.TOTAL], currency)
        if order_id not in seen:
            seen[order_id] = (minor, currency)
            day = self._parse_day(number, cells.get(ListColumn.DATE, ""))
            return ShopOrder(order_id, minor, currency, day)
        if seen[order_id] != (minor, currency):
            raise _row_error(
                number, "an earlier row has the same order with another total"
            )
        return None

    def _parse_currency(self, number: int, text: str) -> str:
        currency = text.upper() or self._site.currency
        if minor_digits(currency) is None:
            raise _row_error(
                number, "unknown currency; use an ISO 4217 code such as EUR"
            )
        return currency

    def _parse_total(self, number: int, text: str, currency: str) -> int:
        amount = _with_decimal_point(text, self._mark)
        if not PLAIN_DECIMAL.fullmatch(amount):
            raise _total_error(number, text, self._mark)
        minor = money(amount, currency)
        if minor is None:
            raise _row_error(number, "the total is over 10,000,000,000.00")
        return minor

    def _parse_day(self, number: int, text: str) -> date | None:
        """Return the site's local date; a time with an offset is converted."""
        if not text:
            return None
        plain = _OFFSET.sub("", text.removesuffix(" UTC"))
        try:
            at = datetime.fromisoformat(plain + ("Z" if text.endswith(" UTC") else ""))
        except ValueError:
            raise _row_error(
                number,
                "the date is not of the form 2026-11-22 or 2026-11-22 14:05:00",
            ) from None
        return (at.astimezone(self._zone) if at.tzinfo else at).date()


def _split_head(head: str) -> tuple[list[str], str]:
    """Return the column names and the separator that gives the most columns."""
    candidates = [
        (next(csv.reader([head], delimiter=separator)), separator)
        for separator in _SEPARATORS
    ]
    return max(candidates, key=lambda candidate: len(candidate[0]))


def _column_positions(
    head: Sequence[str], chosen: Mapping[ListColumn, str]
) -> dict[ListColumn, int]:
    """Return the position of each column in a row; *chosen* are the user's names."""
    names = [_normalized(name) for name in head]
    positions = {}
    for column in ListColumn:
        accepted = [chosen[column]] if column in chosen else KNOWN[column]
        matches = [name for name in map(_normalized, accepted) if name in names]
        if matches:
            positions[column] = names.index(matches[0])
        elif column in chosen:
            raise ColumnNameError(
                f"--{column}-column: the first row has no column of that name"
            )
        elif column in _REQUIRED:
            raise ShopFileError(
                f"read the shop's orders: no column for the order's {column}",
                hint=f"name it with --{column}-column; known: {', '.join(accepted)}",
            )
    return positions


def _normalized(name: str) -> str:
    return _BLANK.sub(" ", name.strip().lower())


def _with_decimal_point(text: str, mark: DecimalMark) -> str:
    """Return *text* with a decimal point instead of *mark*."""
    return text if mark is DecimalMark.POINT else text.translate(_SWAPPED)


def _row_error(number: int, problem: str, hint: str | None = None) -> ShopFileError:
    return ShopFileError(f"read the shop's orders: row {number}: {problem}", hint=hint)


def _total_error(number: int, text: str, mark: DecimalMark) -> ShopFileError:
    if not text:
        return _row_error(number, "the row has no total")
    other = DecimalMark.COMMA if mark is DecimalMark.POINT else DecimalMark.POINT
    if PLAIN_DECIMAL.fullmatch(_with_decimal_point(text, other)):
        return _row_error(
            number,
            f"the total has a decimal {other}",
            f"if all totals have it, add --decimal {other}",
        )
    return _row_error(
        number,
        "the total is not a plain number such as 59.90",
        "remove thousands separators, currency symbols and words",
    )
