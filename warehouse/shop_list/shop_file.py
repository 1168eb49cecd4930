"""Reads the shop's own list of orders from a CSV export, one row at a time.

A row that cannot be read exactly is an error, because a comparison with a part of the
list would be misleading. An error names the row and the rule, never the cell's content.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from config.errors import MillpondError
from config.settings import SiteSettings
from warehouse.money import minor_digits, money
from warehouse.shop_list.shop_amounts import DecimalMark, amounts_in, plain_amount
from warehouse.shop_list.shop_dates import DateOrder, LocalMoment, local_moment
from warehouse.shop_list.shop_formats import (
    ListColumn,
    ShopFormat,
    normalized,
    recognized_format,
)
from warehouse.shop_list.shop_states import ShopState, state_of
from warehouse.shop_list.unreadable import UnreadableCellError

_SEPARATORS: Final = (",", ";", "\t")
# Excel reads and writes this line before the header.
_SEPARATOR_LINE: Final = "sep="
_REQUIRED: Final = (ListColumn.ID, ListColumn.TOTAL)
# All columns with a known name are read, not only the first.
_SEVERAL: Final = (ListColumn.ID, ListColumn.STATUS)
_NUMBER_SIGN: Final = "#"
_UTC: Final = "(utc)"


class ShopFileError(MillpondError):
    """The shop's list cannot be read."""


class ColumnNameError(MillpondError):
    """A column named on the command line is not in the list."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """One order in the shop's list; *day* is the site's local date, if it has dates.

    *refunded_minor* is what the shop refunded, None if the list does not say. *at* is
    the time in UTC seconds, if the list has times. *other_ids* are the ids in other
    columns, and those without a leading ``#``.
    """

    id: str
    minor: int
    currency: str
    day: date | None
    state: ShopState = ShopState.PLACED
    refunded_minor: int | None = None
    at: int | None = field(default=None, compare=False)
    other_ids: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class IdReading:
    """Which column has the ids, and whether ``#1001`` is read as ``1001``."""

    position: int
    drops_number_sign: bool = False

    def read(self, row: Sequence[str]) -> str:
        """Return the id in *row*; empty if it has none."""
        text = row[self.position].strip()
        return text.removeprefix(_NUMBER_SIGN) if self.drops_number_sign else text


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How to read the list: the user's column names, and the forms of its cells.

    Without a *mark* or an *order*, each amount and date must have only one meaning.
    """

    columns: Mapping[ListColumn, str] = field(default_factory=dict)
    mark: DecimalMark | None = None
    order: DateOrder | None = None
    id_reading: IdReading | None = None


@dataclass(frozen=True, slots=True)
class ListHead:
    """The first row: names, separator, format, and the position of each column."""

    names: tuple[str, ...]
    separator: str
    format: ShopFormat
    positions: Mapping[ListColumn, tuple[int, ...]]

    @property
    def width(self) -> int:
        """The number of cells that a row needs."""
        return 1 + max(n for places in self.positions.values() for n in places)

    def cell(self, row: Sequence[str], column: ListColumn) -> str:
        """Return the cell of *column* in *row*; empty without such a column."""
        places = self.positions.get(column)
        return row[places[0]].strip() if places else ""


def read_head(source: Iterator[str], chosen: Mapping[ListColumn, str]) -> ListHead:
    """Read the first row of *source*; *chosen* are the user's names of columns."""
    line = next(source, "").removeprefix("\ufeff")
    separators: Sequence[str] = _SEPARATORS
    if line.lower().startswith(_SEPARATOR_LINE):
        separators = (line[len(_SEPARATOR_LINE)],)
        line = next(source, "")
    candidates = [
        (next(csv.reader([line], delimiter=separator), []), separator)
        for separator in separators
    ]
    names, separator = max(candidates, key=lambda candidate: len(candidate[0]))
    plain = [normalized(name) for name in names]
    shop_format = recognized_format(plain)
    return ListHead(
        tuple(names), separator, shop_format, _positions(plain, shop_format, chosen)
    )


def list_rows(
    source: Iterator[str], head: ListHead
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the number and the cells of each row that is not empty."""
    rows = csv.reader(source, delimiter=head.separator, strict=True)
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < head.width:
            raise _row_error(number, "the row has fewer cells than the first row")
        # An amount such as 12,34 without quotes is two cells.
        if any(cell.strip() for cell in row[len(head.names) :]):
            raise _row_error(number, "the row has more cells than the first row")
        yield number, row


def id_readings(head: ListHead) -> list[IdReading]:
    """Return all ways to read the ids; without matches, the first one is used."""
    places = head.positions[ListColumn.ID]
    return [
        *(IdReading(place) for place in places),
        *(IdReading(place, drops_number_sign=True) for place in places),
    ]


def currency_of(text: str, site: SiteSettings) -> str:
    """Return the currency that *text* names, or that of *site*."""
    currency = text.upper() or site.currency
    if minor_digits(currency) is None:
        raise UnreadableCellError("unknown currency; use an ISO 4217 code such as EUR")
    return currency


def shop_orders(
    lines: Iterable[str], site: SiteSettings, options: ListOptions
) -> Iterator[ShopOrder]:
    """Yield the orders of the list in *lines*, without duplicates.

    A further row with the id of an earlier order and no other total is one of the
    lines of that order. A further row without an id and a total is so too.
    """
    with text_errors():
        source = iter(lines)
        head = read_head(source, options.columns)
        yield from _ListReader(head, site, options).orders(list_rows(source, head))


@contextmanager
def text_errors() -> Iterator[None]:
    """Raise ``ShopFileError`` for a file that is not text or not CSV."""
    try:
        yield
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
        self, head: ListHead, site: SiteSettings, options: ListOptions
    ) -> None:
        self._head = head
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self._options = options
        readings = id_readings(head)
        self._ids = options.id_reading or readings[0]
        self._other_ids = [each for each in readings if each != self._ids]
        places = head.positions.get(ListColumn.DATE, ())
        self._is_utc = any(_UTC in head.names[n].lower() for n in places)
        self._seen: dict[str, tuple[int, str]] = {}
        # Orders that were never paid, unless a later row says that they were.
        self._void: dict[str, ShopOrder] = {}

    def orders(self, rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[ShopOrder]:
        """Yield each order once; orders that were never paid come last."""
        for number, row in rows:
            try:
                order = self._parse(row)
            except UnreadableCellError as error:
                raise _row_error(number, error.problem, error.hint) from None
            if order is not None:
                yield order
        yield from self._void.values()

    def _parse(self, row: Sequence[str]) -> ShopOrder | None:
        """Return the order of a row; None for a further row of an earlier order."""
        order_id, total = self._ids.read(row), self._head.cell(row, ListColumn.TOTAL)
        is_known = order_id in self._seen or order_id in self._void
        if not total and (is_known or (not order_id and self._has_rows)):
            return None
        if not order_id:
            raise UnreadableCellError("the row has no order id")
        order = self._parse_order(row, order_id, total)
        if order.state.is_void:
            if not is_known:
                self._void[order_id] = order
            return None
        self._void.pop(order_id, None)
        if order_id not in self._seen:
            self._seen[order_id] = (order.minor, order.currency)
            return order
        if self._seen[order_id] != (order.minor, order.currency):
            raise UnreadableCellError(
                "an earlier row has the same order with another total"
            )
        return None

    @property
    def _has_rows(self) -> bool:
        return bool(self._seen or self._void)

    def _parse_order(self, row: Sequence[str], order_id: str, total: str) -> ShopOrder:
        head, site = self._head, self._site
        currency = currency_of(head.cell(row, ListColumn.CURRENCY), site)
        if not total:
            raise UnreadableCellError("the row has no total")
        parts = amounts_in(total) if head.format.has_rest else [total]
        minor, *rest = (self._amount(part, currency) for part in parts)
        refunded = head.cell(row, ListColumn.REFUNDED)
        refunded_minor = abs(self._amount(refunded, currency)) if refunded else None
        if rest:
            refunded_minor = minor - rest[0]
        moment = self._moment(head.cell(row, ListColumn.DATE))
        others = dict.fromkeys(each.read(row) for each in self._other_ids)
        return ShopOrder(
            order_id,
            minor,
            currency,
            moment.day if moment else None,
            self._state(row, refunded_minor),
            refunded_minor,
            moment.at if moment else None,
            tuple(other for other in others if other not in ("", order_id)),
        )

    def _amount(self, text: str, currency: str) -> int:
        amount = plain_amount(text, currency, self._options.mark)
        minor = money(amount, currency)
        if minor is None:
            raise UnreadableCellError("the total is over 10,000,000,000.00")
        return minor

    def _moment(self, text: str) -> LocalMoment | None:
        if not text:
            return None
        order = self._options.order
        return local_moment(text, self._zone, order, is_utc=self._is_utc)

    def _state(self, row: Sequence[str], refunded_minor: int | None) -> ShopState:
        head = self._head
        places = head.positions.get(ListColumn.STATUS, ())
        words = (normalized(row[n]) for n in places)
        state = state_of(words, head.format.states)
        if state is ShopState.PLACED and head.cell(row, ListColumn.CANCELLED):
            state = ShopState.CANCELLED
        # A payment that was returned had been made.
        is_paid_back = state is ShopState.CANCELLED and refunded_minor
        return ShopState.REFUNDED if is_paid_back else state


def _positions(
    names: Sequence[str], shop_format: ShopFormat, chosen: Mapping[ListColumn, str]
) -> dict[ListColumn, tuple[int, ...]]:
    """Return the positions of each column in a row; *chosen* are the user's names."""
    positions = {}
    for column in ListColumn:
        accepted = (
            [normalized(chosen[column])]
            if column in chosen
            else shop_format.columns.get(column, ())
        )
        places = [names.index(name) for name in accepted if name in names]
        if places:
            positions[column] = tuple(places if column in _SEVERAL else places[:1])
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


def _row_error(number: int, problem: str, hint: str | None = None) -> ShopFileError:
    return ShopFileError(f"read the shop's orders: row {number}: {problem}", hint=hint)
