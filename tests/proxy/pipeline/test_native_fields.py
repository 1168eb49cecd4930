"""Every field of the native protocol is used: with it, another row is stored."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.pipeline.drops import Dropped
from proxy.pipeline.hit import Hit, Order, OrderLine, Visitor, decode_hits
from proxy.pipeline.sender import Sender
from tests.proxy.pipeline.pipeline_setup import (
    NOON,
    SECRET,
    SECRET_KEY,
    SHOP,
    USER_AGENT,
    Pipeline,
    sender,
)
from warehouse.schema import Event

SITE = replace(
    SHOP, keys=("pk",), secret_keys=(SECRET_KEY,), props_allow=("plan",), actors="keyed"
)
VISITOR = {"address": "198.51.100.9", "user_agent": USER_AGENT}
Body = dict[str, Any]
Case = tuple[Body, Any]

# For each field, an event without it and a value that changes what is stored.
OF_EVENT: dict[str, Case] = {
    "site": ({}, "no-such-site"),
    "key": ({"site": None}, "no-such-key"),
    "name": ({}, "newsletter_joined"),
    "id": ({}, "7"),
    "at": ({}, NOON - 60),
    "sent_at": ({"at": NOON - 60}, NOON + 600),
    "url": ({}, "https://shop.example/b"),
    "referrer": ({}, "https://news.example/"),
    "lang": ({}, "de"),
    "screen": ({}, [400, 800]),
    "engaged_ms": ({"name": "engagement"}, 900),
    "scroll_pct": ({"name": "engagement"}, 60),
    "props": ({}, {"plan": "pro"}),
    "actor": ({}, "17"),
    "order": ({}, {"id": "1001"}),
    "visitor": ({}, VISITOR),
    "visit": ({}, None),
    "optout": ({}, True),
    "passive": ({"name": "video_started"}, True),
}
OF_VISITOR: dict[str, Case] = {
    "address": (VISITOR, "198.51.100.10"),
    "user_agent": (VISITOR, USER_AGENT.replace("149", "148")),
}
OF_ORDER: dict[str, Case] = {
    "id": ({}, "1001"),
    "cart": ({}, "c-7"),
    "cart_action": ({}, "removed"),
    "currency": ({}, "USD"),
    "value": ({}, 10.5),
    "tax": ({}, 2),
    "shipping": ({}, 3),
    "refund": ({}, 4),
    "coupon": ({}, "SPRING"),
    "discount": ({}, 1),
    "items": ({}, [{"product": "p"}]),
}
OF_LINE: dict[str, Case] = {
    "product": ({}, "q"),
    "sku": ({"product": None, "price": 1}, "MUG"),
    "variant": ({}, "L"),
    "quantity": ({}, 2),
    "price": ({}, 1.5),
    "currency": ({"price": 1.5}, "USD"),
}
CASES: dict[type[msgspec.Struct], dict[str, Case]] = {
    Hit: OF_EVENT,
    Visitor: OF_VISITOR,
    Order: OF_ORDER,
    OrderLine: OF_LINE,
}
# What an order says only of a cart.
OF_CART = frozenset({"cart_action"})


def outcome(folder: Path, body: Body, of: Sender | None = None) -> Event | Dropped:
    """Return what becomes of the event *body*, sent by the site's server."""
    plain = {"site": "shop", "url": "https://shop.example/a"}
    given: Body = plain | body
    fields = {name: value for name, value in given.items() if value is not None}
    (hit,) = decode_hits(json.dumps(fields).encode(), 1)
    assert isinstance(hit, Hit)
    of = of or sender(Authorization=f"Bearer {SECRET}")
    return Pipeline(folder, SITE).prefetch().outcome(hit, of)


def cases() -> Iterator[Any]:
    """Yield the two bodies of each field that the protocol documents."""
    for field, (base, value) in OF_EVENT.items():
        if field != "visit":
            yield pytest.param(base, {**base, field: value}, id=field)
    for field, (base, value) in OF_VISITOR.items():
        changed = {**base, field: value}
        with_visitor = [{"visitor": visitor} for visitor in (base, changed)]
        yield pytest.param(*with_visitor, id=f"visitor.{field}")
    for name in ("order_placed", "order_refunded", "cart_updated"):
        for field, (base, value) in OF_ORDER.items():
            if field in OF_CART and name != "cart_updated":
                continue
            orders = (base, {**base, field: value})
            with_order = [{"name": name, "order": order} for order in orders]
            yield pytest.param(*with_order, id=f"{name}.{field}")
        for field, (base, value) in OF_LINE.items():
            of_line = {"product": "p", **base}
            lines = (of_line, {**of_line, field: value})
            with_line = [{"name": name, "order": {"items": [each]}} for each in lines]
            yield pytest.param(*with_line, id=f"{name}.items.{field}")


@pytest.mark.parametrize(("without", "with_field"), [*cases()])
def test_a_field_changes_what_is_stored(
    tmp_path: Path, without: Body, with_field: Body
) -> None:
    stored = outcome(tmp_path, without)

    assert outcome(tmp_path, with_field) != stored == outcome(tmp_path, without)


def test_every_field_of_the_protocol_has_a_case() -> None:
    for struct, of_struct in CASES.items():
        fields = {field.encode_name for field in msgspec.structs.fields(struct)}
        assert set(of_struct) == fields, struct


def test_a_visit_token_changes_what_is_stored(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, SITE).prefetch()
    page = Hit(site="shop", url="https://shop.example/a")
    token = pipeline.anonymizer.visit_token(page, sender(), NOON)

    assert outcome(tmp_path, {"visit": token}) != outcome(tmp_path, {})


@pytest.mark.parametrize("field", ["value", "refund"])
def test_each_amount_of_a_refund_is_its_refund(tmp_path: Path, field: str) -> None:
    order = {"id": "1001", "currency": "EUR", field: 4.0}

    got = outcome(tmp_path, {"name": "order_refunded", "order": order})

    assert isinstance(got, Event)
    assert (got.refund_minor, got.value_minor) == (400, None)


def test_a_native_event_with_an_order_may_have_a_vendors_name(tmp_path: Path) -> None:
    names = {}
    for name in ("purchase", "Order Completed", "add_to_cart", "signup"):
        got = outcome(tmp_path, {"name": name, "order": {"value": 10.5}})
        alone = outcome(tmp_path, {"name": name})
        assert isinstance(got, Event)
        assert isinstance(alone, Event)
        names[name] = (got.name, alone.name)

    assert names == {
        "purchase": ("order_placed", "purchase"),
        "Order Completed": ("order_placed", "Order Completed"),
        "add_to_cart": ("cart_updated", "add_to_cart"),
        "signup": ("customer_registered", "signup"),
    }
