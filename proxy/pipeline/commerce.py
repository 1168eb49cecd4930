"""Orders and carts: exact amounts in minor units, ids as keyed hashes, no person.

An order that cannot be read whole is refused whole, so that revenue is never silently
wrong: a refused order is counted under ``bad_order``, half an order is not noticed.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final, Literal

import msgspec

from proxy.pii.detect import PersonalKind, looks_personal, personal_kind
from proxy.pii.plain_text import plain_text
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site
from warehouse.money import minor_digits, money
from warehouse.schema import Hash64, Item

LARGEST_QUANTITY = 10**6
MOST_ITEMS = 200
LONGEST_CODE = 100
LONGEST_ID = 200
CUT = ":cut"

_LARGEST_ID = 10**40
# Product codes are long numbers, and some look random: neither is a person.
_CODE_KINDS = frozenset(
    {PersonalKind.NUMBER, PersonalKind.TOKEN, PersonalKind.CARD, PersonalKind.PHONE}
)


class CommerceName(StrEnum):
    """The event names whose meaning reports know."""

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
    """The outcome of an order that cannot be read whole."""

    BAD_ORDER = "bad_order"


NO_ORDER = OrderFields()
BAD_ORDER: Final = BadOrder.BAD_ORDER


class _UnreadableError(Exception):
    """A part of an order is not what it must be; carries nothing of it."""


def parse_order(order: Order, site: Site) -> OrderFields | Literal[BadOrder.BAD_ORDER]:
    """Return the columns of *order*, or ``BAD_ORDER`` where any part is unreadable.

    The site's currency counts where the order names none.
    """
    try:
        return _order_fields(order, site)
    except _UnreadableError:
        return BAD_ORDER


def _order_fields(order: Order, site: Site) -> OrderFields:
    currency = _currency(order.currency, site)
    return OrderFields(
        order_key=_key(order.id, HashPurpose.ORDER, site),
        cart_key=_key(order.cart, HashPurpose.CART, site),
        currency=currency,
        value_minor=_amount(order.value, currency),
        tax_minor=_amount(order.tax, currency),
        shipping_minor=_amount(order.shipping, currency),
        refund_minor=_amount(order.refund, currency),
        discount_minor=_amount(order.discount, currency),
        coupon=_coupon(order.coupon),
        items=_items(order.items, currency),
    )


def _currency(named: str | None, site: Site) -> str:
    currency = site.currency if named is None else named.strip().upper()
    if minor_digits(currency) is None:
        raise _UnreadableError
    return currency


def _amount(
    amount: Decimal | None, currency: str, *, negative: bool = False
) -> int | None:
    if amount is None:
        return None
    minor = money(amount, currency)
    if minor is None or (minor < 0 and not negative):
        raise _UnreadableError
    return minor


def _key(named: str | int | None, purpose: HashPurpose, site: Site) -> Hash64 | None:
    if named is None or named == "":
        return None
    return keyed_hash(site.key, purpose, _text(named))


def _text(named: str | int) -> str:
    if isinstance(named, int):
        # Python refuses to spell very large numbers.
        if abs(named) >= _LARGEST_ID:
            raise _UnreadableError
        return str(named)
    if len(named) > LONGEST_ID:
        raise _UnreadableError
    return named


def _coupon(coupon: str | None) -> str | None:
    """Return the code of a campaign; codes made for one person are not kept."""
    text = plain_text(coupon or "")
    if not text or len(text) > LONGEST_CODE or looks_personal(text):
        return None
    return text


def _items(lines: Sequence[OrderLine] | None, currency: str) -> tuple[Item, ...] | None:
    if not lines:
        return None
    if len(lines) > MOST_ITEMS:
        raise _UnreadableError
    return tuple(_item(line, currency) for line in lines)


def _item(line: OrderLine, currency: str) -> Item:
    product = _code(line.product)
    if product is None:
        raise _UnreadableError
    return Item(
        product=product,
        variant=_code(line.variant),
        quantity=_quantity(line.quantity),
        price_minor=_amount(line.price, currency, negative=True),
    )


def _code(named: str | int | None) -> str | None:
    """Return a product's or variant's code, ``CUT`` where it looks like a person."""
    if named is None:
        return None
    text = plain_text(_text(named))
    if not text:
        return None
    kind = personal_kind(text)
    coded = kind is None or (kind in _CODE_KINDS and not text.startswith("+"))
    return text if coded and len(text) <= LONGEST_CODE else CUT


def _quantity(quantity: float) -> int:
    if not abs(quantity) <= LARGEST_QUANTITY or quantity != int(quantity):
        raise _UnreadableError
    return int(quantity)
