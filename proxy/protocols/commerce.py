"""Maps vendors' names of commerce events and fields to the canonical names.

All protocols use the table of ``commerce_names``. Nothing is validated here: an
unreadable amount becomes NaN, and the pipeline says what it refuses.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from msgspec.structs import replace

from proxy.pipeline.commerce_names import (
    CommerceName,
    canonical_name,
    cart_action,
    commerce_table,
)
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.order_lines import MAX_ITEMS, MAX_LINES
from proxy.protocols.protocol import mapping_of, text_of
from warehouse.money import PLAIN_DECIMAL

_UNREADABLE = Decimal("NaN")
_ONE = Decimal(1)
# A single product's event must have one of these, so that its properties are an item.
_PRODUCT_FIELDS = ("product_id", "productId", "item_id", "sku", "product_sku")
_PRODUCT_EVENTS = frozenset({CommerceName.PRODUCT_VIEWED, CommerceName.CART_UPDATED})


def commerce_of(name: str, properties: Mapping[str, Any]) -> tuple[str, Order | None]:
    """Return the canonical name of a commerce event, and its order.

    Any other event keeps its name and has no order.
    """
    canonical = canonical_name(name)
    if canonical is None:
        return name, None
    order = order_of(canonical, properties)
    action = cart_action(name)
    return canonical.value, replace(order, cart_action=action) if action else order


def order_of(name: CommerceName, properties: Mapping[str, Any]) -> Order:
    """Return the commerce part of an event with these *properties*."""
    fields = _FieldReader(properties, commerce_table().order)
    return Order(
        id=fields.text("id"),
        cart=fields.text("cart"),
        currency=fields.text("currency"),
        value=fields.amount("value"),
        tax=fields.amount("tax"),
        shipping=fields.amount("shipping"),
        discount=fields.amount("discount"),
        refund=fields.amount("refund"),
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
        # A loop, because a generator takes three times as long and orders have lines.
        for name in self._names[field]:
            value = self._properties.get(name)
            if value is not None and value != "":
                return value
        return None

    def text(self, field: str) -> str | None:
        return text_of(self.value(field))

    def amount(self, field: str) -> Decimal | None:
        return amount_of(self.value(field))


def _lines(
    name: CommerceName, items: object, properties: Mapping[str, Any]
) -> list[OrderLine] | None:
    """Return the lines of an order; those that are only added up have no product."""
    if isinstance(items, list):
        lines = [_line(item) for item in islice(items, MAX_ITEMS)]
        # One line more than is read shows that the order has more.
        rest = islice(items, MAX_ITEMS, MAX_LINES + 1)
        return [*lines, *(_amounts(mapping_of(item)) for item in rest)] or None
    has_product = any(properties.get(field) for field in _PRODUCT_FIELDS)
    return [_line(properties)] if has_product and name in _PRODUCT_EVENTS else None


def _line(item: object) -> OrderLine:
    """Return a line; an item that is only text or a number is a product's code."""
    properties = mapping_of(item)
    fields = _FieldReader(properties, commerce_table().item)
    product, sku = fields.text("product") or text_of(item), fields.text("sku")
    if product is None and sku is None:
        product = fields.text("name")
    return replace(
        _amounts(properties), product=product, sku=sku, variant=fields.text("variant")
    )


def _amounts(properties: Mapping[str, Any]) -> OrderLine:
    """Return only the amounts of a line."""
    fields = _FieldReader(properties, commerce_table().item)
    quantity = fields.amount("quantity")
    return OrderLine(
        quantity=_ONE if quantity is None else quantity,
        price=fields.amount("price"),
        currency=fields.text("currency"),
    )
