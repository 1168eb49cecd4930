"""Vendors' names and fields of commerce, turned into the canonical ones.

One table, ``proxy/data/commerce.toml``, for all protocols. Nothing is judged here: an
amount that is none goes on as one, and the chain refuses the order whole.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from proxy.lists import DATA
from proxy.pipeline.commerce import CommerceName
from proxy.pipeline.hit import Order, OrderLine
from proxy.protocols.protocol import list_of, mapping_of, text_of
from warehouse.money import PLAIN_DECIMAL

_SEPARATORS = re.compile(r"[\s._$-]+")
_LONGEST_NAME = 64
_UNREADABLE = Decimal("NaN")
# What a single product's event must name, so that its properties are an item.
_NAMES_PRODUCT = ("product_id", "productId", "item_id", "sku", "product_sku")
_OF_PRODUCTS = frozenset({CommerceName.PRODUCT_VIEWED, CommerceName.CART_UPDATED})


class CommerceTable(msgspec.Struct, frozen=True):
    """The table as the file has it."""

    names: dict[CommerceName, list[str]]
    order: dict[str, list[str]]
    item: dict[str, list[str]]


@cache
def commerce_table() -> CommerceTable:
    """Return the table of names and fields."""
    text = (DATA / "commerce.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), CommerceTable)


def commerce_of(name: str, properties: Mapping[str, Any]) -> tuple[str, Order | None]:
    """Return the canonical name of an event, and its order where it is of commerce.

    An event of another name keeps it, and has no order.
    """
    canonical = canonical_name(name)
    if canonical is None:
        return name, None
    return canonical.value, order_of(canonical, properties)


def canonical_name(name: str) -> CommerceName | None:
    """Return which of the canonical events *name* is, None where it is another."""
    if len(name) > _LONGEST_NAME:
        return None
    return _names().get(_SEPARATORS.sub(" ", name).strip().casefold())


def order_of(name: CommerceName, properties: Mapping[str, Any]) -> Order:
    """Return the commerce part of an event with these *properties*."""
    find = _FieldFinder(properties, commerce_table().order)
    value, refund = find.amount("value"), find.amount("refund")
    if name is CommerceName.ORDER_REFUNDED and refund is None:
        value, refund = None, value
    return Order(
        id=find.text("id"),
        cart=find.text("cart"),
        currency=find.text("currency"),
        value=value,
        tax=find.amount("tax"),
        shipping=find.amount("shipping"),
        discount=find.amount("discount"),
        refund=refund,
        coupon=find.text("coupon"),
        items=_lines(name, find.value("items"), properties),
    )


def amount_of(value: object) -> Decimal | None:
    """Return *value* as an exact amount, NaN where it is there and is none."""
    if value is None or value == "":
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    text = value.strip() if isinstance(value, str) else ""
    return Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else _UNREADABLE


class _FieldFinder:
    """Finds fields by their names in the table."""

    def __init__(
        self, properties: Mapping[str, Any], names: Mapping[str, Sequence[str]]
    ) -> None:
        self._properties = properties
        self._names = names

    def value(self, field: str) -> Any:
        found = (self._properties.get(name) for name in self._names[field])
        return next((value for value in found if value not in (None, "")), None)

    def text(self, field: str) -> str | None:
        return text_of(self.value(field))

    def amount(self, field: str) -> Decimal | None:
        return amount_of(self.value(field))


def _lines(
    name: CommerceName, items: object, properties: Mapping[str, Any]
) -> list[OrderLine] | None:
    if isinstance(items, list):
        return [_line(mapping_of(item)) for item in list_of(items)] or None
    names_one = any(properties.get(key) for key in _NAMES_PRODUCT)
    return [_line(properties)] if names_one and name in _OF_PRODUCTS else None


def _line(item: Mapping[str, Any]) -> OrderLine:
    find = _FieldFinder(item, commerce_table().item)
    return OrderLine(
        product=find.text("product"),
        variant=find.text("variant"),
        quantity=_quantity(find.value("quantity")),
        price=find.amount("price"),
    )


def _quantity(value: object) -> float:
    """Return a number of pieces; one that cannot be read is none of them."""
    if value is None:
        return 1
    amount = amount_of(value)
    if amount is None or not amount.is_finite():
        return math.nan
    return int(amount) if amount == amount.to_integral_value() else math.nan


@cache
def _names() -> Mapping[str, CommerceName]:
    return dict(_spellings())


def _spellings() -> Iterator[tuple[str, CommerceName]]:
    for canonical, spellings in commerce_table().names.items():
        for spelling in spellings:
            yield spelling, canonical
