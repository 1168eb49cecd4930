"""Parses orders and carts: amounts in minor units, ids as keyed hashes, no person.

The amount and the currency decide the revenue. If one of them is unreadable, the whole
order is dropped, so that revenue is never silently wrong: ``bad_order`` counts it. An
odd detail, such as a line or the tax, is left out and never refuses the order:
docs/decisions/0065-what-refuses-an-order.md.
"""

from decimal import Decimal
from enum import Enum
from typing import Final, Literal, NamedTuple

import msgspec

from proxy.pii.detect import looks_personal
from proxy.pii.plain_text import plain_text
from proxy.pipeline.commerce_names import CartAction, CommerceName, canonical_name
from proxy.pipeline.commerce_names import cart_action as action_of_name
from proxy.pipeline.hit import Order
from proxy.pipeline.order_lines import ParsedLines, parse_lines
from proxy.pipeline.product_code import MAX_CODE_LENGTH
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site
from warehouse.money import minor_digits, money
from warehouse.schema import Hash64, Item

_MAX_ID_NUMBER = 10**40


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """The commerce columns of an event; *name* is None if it is no commerce event."""

    name: str | None = None
    order_key: Hash64 | None = None
    cart_key: Hash64 | None = None
    cart_action: CartAction | None = None
    currency: str | None = None
    value_minor: int | None = None
    tax_minor: int | None = None
    shipping_minor: int | None = None
    refund_minor: int | None = None
    amount_from_items: bool = False
    discount_minor: int | None = None
    coupon: str | None = None
    items: tuple[Item, ...] | None = None


class BadOrder(Enum):
    """The outcome of an order with an unreadable amount or currency."""

    BAD_ORDER = "bad_order"


NO_ORDER = OrderFields()
BAD_ORDER: Final = BadOrder.BAD_ORDER


class _UnreadableError(Exception):
    """The amount or the currency is unreadable; the error holds no value of it."""


class _Amounts(NamedTuple):
    """What an order is worth, or what a refund takes back."""

    value_minor: int | None
    refund_minor: int | None
    are_from_items: bool = False


def parse_order(
    order: Order, name: str, site: Site
) -> OrderFields | Literal[BadOrder.BAD_ORDER]:
    """Return the columns of *order* of an event called *name*.

    Returns ``BAD_ORDER`` if its amount or currency is unreadable. An order that names
    no currency uses the site's.
    """
    try:
        return _order_fields(order, name, site)
    except _UnreadableError:
        return BAD_ORDER


def _order_fields(order: Order, sent_name: str, site: Site) -> OrderFields:
    name = canonical_name(sent_name)
    currency = _parse_currency(order.currency, site)
    lines = parse_lines(order.items, currency, site.product_id)
    amounts = _amounts(order, name, currency, lines)
    return OrderFields(
        name=name,
        order_key=_hash_id(order.id, HashPurpose.ORDER, site),
        cart_key=_hash_id(order.cart, HashPurpose.CART, site),
        cart_action=_cart_action(order, name, sent_name),
        currency=currency,
        value_minor=amounts.value_minor,
        tax_minor=_detail(order.tax, currency),
        shipping_minor=_detail(order.shipping, currency),
        refund_minor=amounts.refund_minor,
        amount_from_items=amounts.are_from_items,
        discount_minor=_detail(_without_sign(order.discount), currency),
        coupon=_clean_coupon(order.coupon),
        items=lines.items,
    )


def _amounts(
    order: Order, name: CommerceName | None, currency: str, lines: ParsedLines
) -> _Amounts:
    """Return the value of an order, or the amount of a refund.

    The amount of a refund is its value, unless it names one itself.
    """
    if name is CommerceName.ORDER_REFUNDED:
        named = order.value if order.refund is None else order.refund
        value = None if order.refund is None else _detail(order.value, currency)
        refund, is_sum = _amount_or_sum(_without_sign(named), currency, lines)
        return _Amounts(value, None if refund is None else abs(refund), is_sum)
    refund = _detail(order.refund, currency)
    if name is CommerceName.ORDER_PLACED:
        value, is_sum = _amount_or_sum(order.value, currency, lines)
        if value is not None and value < 0:
            raise _UnreadableError
        return _Amounts(value, refund, is_sum)
    return _Amounts(_amount(order.value, currency), refund)


def _amount_or_sum(
    amount: Decimal | None, currency: str, lines: ParsedLines
) -> tuple[int | None, bool]:
    """Return *amount*, or without it the sum of *lines*, and whether it is the sum.

    The sum is None if a line has no price. If a line is unreadable, nothing says what
    the order is worth.
    """
    if amount is not None:
        return _amount(amount, currency), False
    if not lines.is_readable:
        raise _UnreadableError
    return lines.total_minor, lines.total_minor is not None


def _amount(amount: Decimal | None, currency: str) -> int | None:
    """Return an amount that revenue depends on."""
    minor = _detail(amount, currency)
    if minor is None and amount is not None:
        raise _UnreadableError
    return minor


def _detail(amount: Decimal | None, currency: str) -> int | None:
    """Return an amount that revenue does not depend on; None if it is unreadable."""
    minor = money(amount, currency)
    return None if minor is None or minor < 0 else minor


def _without_sign(amount: Decimal | None) -> Decimal | None:
    """Return a refund or discount as a positive amount; clients write both ways."""
    return None if amount is None else amount.copy_abs()


def _parse_currency(code: str | None, site: Site) -> str:
    currency = (code or "").strip().upper() or site.currency
    if minor_digits(currency) is None:
        raise _UnreadableError
    return currency


def _hash_id(
    raw_id: str | int | None, purpose: HashPurpose, site: Site
) -> Hash64 | None:
    text = _id_text(raw_id)
    return keyed_hash(site.key, purpose, text) if text else None


def _id_text(raw_id: str | int | None) -> str:
    """Return an id without blanks around it, of any length: only its hash is stored."""
    if raw_id is None:
        return ""
    if isinstance(raw_id, str):
        return raw_id.strip()
    # Python refuses to convert very large numbers to decimal text.
    return str(raw_id) if abs(raw_id) < _MAX_ID_NUMBER else f"{raw_id:x}"


def _cart_action(
    order: Order, name: CommerceName | None, sent_name: str
) -> CartAction | None:
    if name is not CommerceName.CART_UPDATED:
        return None
    return order.cart_action or action_of_name(sent_name)


def _clean_coupon(coupon: str | None) -> str | None:
    """Return a campaign's coupon code, None for a code made for one person."""
    text = plain_text(coupon or "")
    if not text or len(text) > MAX_CODE_LENGTH or looks_personal(text):
        return None
    return text
