"""Parses orders and carts: amounts in minor units, ids as keyed hashes, no person.

If any part of an order is unreadable, the whole order is dropped, so that revenue is
never silently wrong: ``bad_order`` counts a dropped order, but nothing would show that
half an order is missing.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final, Literal

import msgspec

from proxy.pii.detect import PersonalKind, looks_personal, personal_kind
from proxy.pii.plain_text import plain_text
from proxy.pii.readable import ascii_digits, hidden_texts
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site
from warehouse.money import minor_digits, money
from warehouse.schema import Hash64, Item

MAX_QUANTITY = 10**6
MAX_ITEMS = 200
MAX_CODE_LENGTH = 100
MAX_ID_LENGTH = 200
# Stored instead of a product code that looks like a person's data.
CUT = ":cut"

_MAX_ID_NUMBER = 10**40
# Product codes may be long numbers or look random: neither identifies a person.
_CODE_KINDS = frozenset({PersonalKind.NUMBER, PersonalKind.TOKEN, PersonalKind.PHONE})
# Barcodes and ids of shop systems have up to 14 digits: one in ten passes a card's
# check by chance.
_CARD_SHAPE = re.compile(r"\d{15}|\d[ ._-]+\d")


class CommerceName(StrEnum):
    """The event names that reports understand."""

    PRODUCT_VIEWED = "product_viewed"
    CART_UPDATED = "cart_updated"
    CHECKOUT_STARTED = "checkout_started"
    PAYMENT_COMPLETED = "payment_completed"
    ORDER_PLACED = "order_placed"
    ORDER_REFUNDED = "order_refunded"
    CUSTOMER_REGISTERED = "customer_registered"


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """The commerce columns of an event."""

    order_key: Hash64 | None = None
    cart_key: Hash64 | None = None
    currency: str | None = None
    value_minor: int | None = None
    tax_minor: int | None = None
    shipping_minor: int | None = None
    refund_minor: int | None = None
    discount_minor: int | None = None
    coupon: str | None = None
    items: tuple[Item, ...] | None = None


class BadOrder(Enum):
    """The outcome of an order with an unreadable part."""

    BAD_ORDER = "bad_order"


NO_ORDER = OrderFields()
BAD_ORDER: Final = BadOrder.BAD_ORDER


class _UnreadableError(Exception):
    """A part of an order is unreadable; the error holds no value of it."""


def parse_order(order: Order, site: Site) -> OrderFields | Literal[BadOrder.BAD_ORDER]:
    """Return the columns of *order*, or ``BAD_ORDER`` if any part is unreadable.

    An order that names no currency uses the site's.
    """
    try:
        return _order_fields(order, site)
    except _UnreadableError:
        return BAD_ORDER


def _order_fields(order: Order, site: Site) -> OrderFields:
    currency = _parse_currency(order.currency, site)
    return OrderFields(
        order_key=_hash_id(order.id, HashPurpose.ORDER, site),
        cart_key=_hash_id(order.cart, HashPurpose.CART, site),
        currency=currency,
        value_minor=_minor_amount(order.value, currency),
        tax_minor=_minor_amount(order.tax, currency),
        shipping_minor=_minor_amount(order.shipping, currency),
        refund_minor=_minor_amount(order.refund, currency),
        discount_minor=_minor_amount(order.discount, currency),
        coupon=_clean_coupon(order.coupon),
        items=_parse_items(order.items, currency),
    )


def _parse_currency(code: str | None, site: Site) -> str:
    currency = site.currency if code is None else code.strip().upper()
    if minor_digits(currency) is None:
        raise _UnreadableError
    return currency


def _minor_amount(
    amount: Decimal | None, currency: str, *, negative: bool = False
) -> int | None:
    if amount is None:
        return None
    minor = money(amount, currency)
    if minor is None or (minor < 0 and not negative):
        raise _UnreadableError
    return minor


def _hash_id(
    raw_id: str | int | None, purpose: HashPurpose, site: Site
) -> Hash64 | None:
    if raw_id is None or raw_id == "":
        return None
    return keyed_hash(site.key, purpose, _id_text(raw_id))


def _id_text(raw_id: str | int) -> str:
    if isinstance(raw_id, int):
        # Python refuses to convert very large numbers to text.
        if abs(raw_id) >= _MAX_ID_NUMBER:
            raise _UnreadableError
        return str(raw_id)
    if len(raw_id) > MAX_ID_LENGTH:
        raise _UnreadableError
    return raw_id


def _clean_coupon(coupon: str | None) -> str | None:
    """Return a campaign's coupon code, None for a code made for one person."""
    text = plain_text(coupon or "")
    if not text or len(text) > MAX_CODE_LENGTH or looks_personal(text):
        return None
    return text


def _parse_items(
    lines: Sequence[OrderLine] | None, currency: str
) -> tuple[Item, ...] | None:
    if not lines:
        return None
    if len(lines) > MAX_ITEMS:
        raise _UnreadableError
    return tuple(_parse_item(line, currency) for line in lines)


def _parse_item(line: OrderLine, currency: str) -> Item:
    product = _clean_code(line.product)
    if product is None:
        raise _UnreadableError
    return Item(
        product=product,
        variant=_clean_code(line.variant),
        quantity=_parse_quantity(line.quantity),
        price_minor=_minor_amount(line.price, currency, negative=True),
    )


def _clean_code(code: str | int | None) -> str | None:
    """Return a product or variant code, ``CUT`` if it looks like personal data."""
    if code is None:
        return None
    text = plain_text(_id_text(code))
    if not text:
        return None
    return text if len(text) <= MAX_CODE_LENGTH and _is_code(text) else CUT


def _is_code(text: str) -> bool:
    """Whether *text* is a code or a product's name, not the data of a person.

    Between words, or behind an encoding, a number is no code.
    """
    kind = personal_kind(text)
    if kind is None:
        return True
    if kind is PersonalKind.CARD:
        return " " not in text and _CARD_SHAPE.search(ascii_digits(text)) is None
    if kind not in _CODE_KINDS or text.startswith("+"):
        return False
    if kind is PersonalKind.TOKEN:
        return all(map(_is_code, hidden_texts(text)))
    return " " not in text


def _parse_quantity(quantity: float) -> int:
    if not abs(quantity) <= MAX_QUANTITY or quantity != int(quantity):
        raise _UnreadableError
    return int(quantity)
