"""Parses the lines of an order or cart; an odd line never refuses the order.

The stored lines have the same sum as the lines that were sent: what a line is worth is
its quantity times its price. A part that cannot be read is left out of its line.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple

from proxy.pipeline.hit import OrderLine
from proxy.pipeline.product_code import clean_code
from warehouse.money import LARGEST_AMOUNT, money, product_of
from warehouse.schema import Item

MAX_QUANTITY = 10**6
# The lines that are stored one by one, and the lines that are read at all.
MAX_ITEMS = 200
MAX_LINES = 2_000
# Stored as the product of all lines after MAX_ITEMS, and of a line without a product.
REST: Final = ":rest"
NO_PRODUCT: Final = ":none"

ProductId = Literal["id", "sku"]


class ParsedLines(NamedTuple):
    """The lines to store, and their sum, which is None if it is not known.

    *is_readable* is False if a line has a part that is present but not readable.
    """

    items: tuple[Item, ...] | None = None
    total_minor: int | None = None
    is_readable: bool = True


class _Line(NamedTuple):
    """The amounts of a line; *worth* is None if it is not known."""

    quantity: int = 1
    price_minor: int | None = None
    worth: int | None = None
    is_readable: bool = True


NO_LINES: Final = ParsedLines()
_UNREADABLE = _Line(is_readable=False)


def parse_lines(
    lines: Sequence[OrderLine] | None, currency: str, product_id: ProductId
) -> ParsedLines:
    """Return the lines to store; *product_id* says which code names a product."""
    if not lines:
        return NO_LINES
    items: list[Item] = []
    amounts: list[_Line] = []
    for line in islice(lines, MAX_ITEMS):
        item = _item(line, currency, product_id)
        if item is not None:
            items.append(item[0])
            amounts.append(item[1])
    rest = [_amounts(line, currency) for line in islice(lines, MAX_ITEMS, MAX_LINES)]
    if len(lines) > MAX_ITEMS:
        items.append(_folded(rest))
    if len(lines) > MAX_LINES:
        rest.append(_UNREADABLE)
    amounts += rest
    is_priced = bool(amounts) and all(line.worth is not None for line in amounts)
    total = _sum(amounts) if is_priced else None
    is_too_much = is_priced and total is None
    is_readable = all(line.is_readable for line in amounts) and not is_too_much
    return ParsedLines(tuple(items) or None, total, is_readable)


def _item(
    line: OrderLine, currency: str, product_id: ProductId
) -> tuple[Item, _Line] | None:
    """Return *line* as it is stored; None if it names no product and no price."""
    codes = (line.product, line.sku)
    first, second = codes if product_id == "id" else reversed(codes)
    product, variant = clean_code(first) or clean_code(second), clean_code(line.variant)
    if product is None and variant is None and line.price is None:
        return None
    amounts = _amounts(line, currency)
    item = Item(
        product=product or NO_PRODUCT,
        variant=variant,
        quantity=amounts.quantity,
        price_minor=amounts.price_minor,
    )
    return item, amounts


def _amounts(line: OrderLine, currency: str) -> _Line:
    """Return quantity and price of *line*, as they are stored.

    Goods sold by weight are stored as one piece at the price of the line. So are
    prices with more decimals than their currency, whose pieces would not add up.
    """
    if not _is_in(currency, line):
        return _UNREADABLE
    pieces = _pieces(line)
    if line.price is None:
        return _Line(1 if pieces is None else pieces)
    price_minor = money(line.price, currency)
    worth = product_of(line.price, line.quantity, currency)
    if price_minor is None or worth is None:
        return _UNREADABLE
    if pieces is None or pieces * price_minor != worth:
        return _Line(1, worth, worth)
    return _Line(pieces, price_minor, worth)


def _is_in(currency: str, line: OrderLine) -> bool:
    """Return whether the price of *line* is in *currency*, that of its order."""
    return (line.currency or "").strip().upper() in ("", currency)


def _pieces(line: OrderLine) -> int | None:
    """Return the quantity of *line* if it is a whole number of pieces."""
    quantity = line.quantity
    if not quantity.is_finite() or abs(quantity) > MAX_QUANTITY:
        return None
    return int(quantity) if quantity == int(quantity) else None


def _folded(lines: Iterable[_Line]) -> Item:
    return Item(product=REST, price_minor=_sum(lines))


def _sum(lines: Iterable[_Line]) -> int | None:
    """Return the sum of the lines of known worth; None without one, or past a limit."""
    known = [line.worth for line in lines if line.worth is not None]
    total = sum(known)
    return total if known and abs(total) <= LARGEST_AMOUNT else None
