"""Maps vendors' names of commerce events and fields to the canonical names.

All protocols use one table, ``proxy/data/commerce.toml``. Nothing is validated here:
an unreadable amount becomes NaN, and the pipeline refuses the whole order.
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
# A single product's event must have one of these, so that its properties are an item.
_PRODUCT_FIELDS = ("product_id", "productId", "item_id", "sku", "product_sku")
_PRODUCT_EVENTS = frozenset({CommerceName.PRODUCT_VIEWED, CommerceName.CART_UPDATED})


class CommerceTable(msgspec.Struct, frozen=True):
    """The content of ``commerce.toml``."""

    names: dict[CommerceName, list[str]]
    order: dict[str, list[str]]
    item: dict[str, list[str]]


@cache
def commerce_table() -> CommerceTable:
    """Return the table of names and fields."""
    text = (DATA / "commerce.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), CommerceTable)


def commerce_of(name: str, properties: Mapping[str, Any]) -> tuple[str, Order | None]:
    """Return the canonical name of a commerce event, and its order.

    Any other event keeps its name and has no order.
    """
    canonical = canonical_name(name)
    if canonical is None:
        return name, None
    return canonical.value, order_of(canonical, properties)


def canonical_name(name: str) -> CommerceName | None:
    """Return the canonical name of a commerce event, None for any other event."""
    if len(name) > _LONGEST_NAME:
        return None
    return _canonical_names().get(_SEPARATORS.sub(" ", name).strip().casefold())


def order_of(name: CommerceName, properties: Mapping[str, Any]) -> Order:
    """Return the commerce part of an event with these *properties*."""
    fields = _FieldReader(properties, commerce_table().order)
    value, refund = fields.amount("value"), fields.amount("refund")
    if name is CommerceName.ORDER_REFUNDED and refund is None:
        value, refund = None, value
    return Order(
        id=fields.text("id"),
        cart=fields.text("cart"),
        currency=fields.text("currency"),
        value=value,
        tax=fields.amount("tax"),
        shipping=fields.amount("shipping"),
        discount=fields.amount("discount"),
        refund=refund,
        coupon=fields.text("coupon"),
        items=_lines(name, fields.value("items"), properties),
    )


def amount_of(value: object) -> Decimal | None:
    """Return *value* as an exact amount, NaN if unreadable, None if missing."""
    if value is None or value == "":
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    text = value.strip() if isinstance(value, str) else ""
    return Decimal(text) if PLAIN_DECIMAL.fullmatch(text) else _UNREADABLE


class _FieldReader:
    """Reads canonical fields from *properties*, by the vendors' names of each field."""

    def __init__(
        self, properties: Mapping[str, Any], names: Mapping[str, Sequence[str]]
    ) -> None:
        self._properties = properties
        self._names = names

    def value(self, field: str) -> Any:
        values = (self._properties.get(name) for name in self._names[field])
        return next((value for value in values if value not in (None, "")), None)

    def text(self, field: str) -> str | None:
        return text_of(self.value(field))

    def amount(self, field: str) -> Decimal | None:
        return amount_of(self.value(field))


def _lines(
    name: CommerceName, items: object, properties: Mapping[str, Any]
) -> list[OrderLine] | None:
    if isinstance(items, list):
        return [_line(mapping_of(item)) for item in list_of(items)] or None
    has_product = any(properties.get(field) for field in _PRODUCT_FIELDS)
    return [_line(properties)] if has_product and name in _PRODUCT_EVENTS else None


def _line(item: Mapping[str, Any]) -> OrderLine:
    fields = _FieldReader(item, commerce_table().item)
    return OrderLine(
        product=fields.text("product"),
        variant=fields.text("variant"),
        quantity=_quantity(fields.value("quantity")),
        price=fields.amount("price"),
    )


def _quantity(value: object) -> float:
    """Return the quantity of a line: 1 if missing, NaN if not a whole number."""
    if value is None:
        return 1
    amount = amount_of(value)
    if amount is None or not amount.is_finite():
        return math.nan
    return int(amount) if amount == amount.to_integral_value() else math.nan


@cache
def _canonical_names() -> Mapping[str, CommerceName]:
    return dict(_spellings())


def _spellings() -> Iterator[tuple[str, CommerceName]]:
    for canonical, spellings in commerce_table().names.items():
        for spelling in spellings:
            yield spelling, canonical
