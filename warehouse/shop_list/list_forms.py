"""Finds out how a list is written, in a first reading of all its rows.

The list itself says which decimal separator and which order of day and month it has.
The stored orders say which of its columns has the ids that the events carry.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from config.settings import SiteSettings
from warehouse.shop_list.shop_amounts import DecimalMark, shown_mark
from warehouse.shop_list.shop_dates import DateOrder, shown_order
from warehouse.shop_list.shop_file import (
    IdReading,
    ListHead,
    ListOptions,
    currency_of,
    id_readings,
    list_rows,
    read_head,
    text_errors,
)
from warehouse.shop_list.shop_formats import ListColumn
from warehouse.shop_list.unreadable import UnreadableCellError

_AMOUNTS: Final = (ListColumn.TOTAL, ListColumn.REFUNDED)
_Form = TypeVar("_Form")


def detect_forms(
    lines: Iterable[str],
    site: SiteSettings,
    options: ListOptions,
    is_stored: Callable[[str], bool],
) -> tuple[ListHead, ListOptions]:
    """Return the head of the list, and *options* with the forms that it shows.

    *is_stored* says whether an order with an id is stored.
    """
    with text_errors():
        source = iter(lines)
        head = read_head(source, options.columns)
        readings = id_readings(head)
        matches: Counter[IdReading] = Counter()
        marks: set[DecimalMark | None] = set()
        orders: set[DateOrder | None] = set()
        for _, row in list_rows(source, head):
            matches.update(each for each in readings if is_stored(each.read(row)))
            marks.add(_mark(head, row, site))
            orders.add(shown_order(head.cell(row, ListColumn.DATE)))
    best = max(readings, key=lambda reading: matches[reading])
    return head, replace(
        options,
        mark=options.mark or _only(marks),
        order=options.order or _only(orders),
        id_reading=best,
    )


def _mark(head: ListHead, row: Sequence[str], site: SiteSettings) -> DecimalMark | None:
    """Return the decimal separator that the amounts of *row* show."""
    try:
        currency = currency_of(head.cell(row, ListColumn.CURRENCY), site)
    except UnreadableCellError:
        # The second reading reports it, with the number of the row.
        return None
    amounts = (head.cell(row, column) for column in _AMOUNTS)
    return next(filter(None, (shown_mark(text, currency) for text in amounts)), None)


def _only(forms: set[_Form | None]) -> _Form | None:
    """Return the only form of *forms*; None if there is none, or more than one."""
    shown = [form for form in forms if form is not None]
    return shown[0] if len(shown) == 1 else None
