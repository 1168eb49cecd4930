"""The names of commerce events and of their fields, from ``proxy/data/commerce.toml``.

All protocols use this table, and so do native events with an order.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Literal

import msgspec

from proxy.lists import DATA

_SEPARATORS = re.compile(r"[\s._$-]+")
_LONGEST_NAME = 64

CartAction = Literal["added", "removed"]


class CommerceName(StrEnum):
    """The event names that reports understand."""

    PRODUCT_VIEWED = "product_viewed"
    CART_UPDATED = "cart_updated"
    CHECKOUT_STARTED = "checkout_started"
    PAYMENT_COMPLETED = "payment_completed"
    ORDER_PLACED = "order_placed"
    ORDER_REFUNDED = "order_refunded"
    CUSTOMER_REGISTERED = "customer_registered"


class CommerceTable(msgspec.Struct, frozen=True):
    """The content of ``commerce.toml``."""

    names: dict[CommerceName, list[str]]
    cart_actions: dict[CartAction, list[str]]
    order: dict[str, list[str]]
    item: dict[str, list[str]]


@cache
def commerce_table() -> CommerceTable:
    """Return the table of names and fields."""
    text = (DATA / "commerce.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), CommerceTable)


def plain_name(name: str) -> str | None:
    """Return *name* in lower case with single blanks, None if it is too long."""
    if len(name) > _LONGEST_NAME:
        return None
    return _SEPARATORS.sub(" ", name).strip().casefold()


def canonical_name(name: str) -> CommerceName | None:
    """Return the canonical name of a commerce event, None for any other event."""
    return _canonical_names().get(plain_name(name) or "")


def cart_action(name: str) -> CartAction | None:
    """Return what an event of this name did to the cart, None if it does not say."""
    return _cart_actions().get(plain_name(name) or "")


@cache
def _canonical_names() -> Mapping[str, CommerceName]:
    return dict(_spellings())


def _spellings() -> Iterator[tuple[str, CommerceName]]:
    for canonical, spellings in commerce_table().names.items():
        for spelling in spellings:
            yield spelling, canonical


@cache
def _cart_actions() -> Mapping[str, CartAction]:
    return {
        spelling: action
        for action, spellings in commerce_table().cart_actions.items()
        for spelling in spellings
    }
