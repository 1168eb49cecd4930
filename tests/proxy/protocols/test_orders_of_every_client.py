"""One table of orders, refunds and carts gives the same columns for every client."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

from config.settings import PrivacySettings, SiteSettings
from proxy.pipeline.commerce import OrderFields, parse_order
from proxy.pipeline.hit import Hit, decode_hits
from proxy.pipeline.order_lines import MAX_ITEMS, REST
from proxy.pipeline.product_code import CUT
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import prepare_site
from proxy.protocols import ga4, mixpanel, plausible, posthog, segment, umami
from proxy.protocols.protocol import DecodedRequest, Reader
from tests.proxy.protocols.vendor_requests import vendor_request
from warehouse.schema import Item

KEY = bytes(range(32))
SHOP = SiteSettings(id="shop", domains=("shop.example",))
BY_ID, BY_SKU = (
    prepare_site(replace(SHOP, product_id=code), PrivacySettings(), KEY)
    for code in ("id", "sku")
)

# An order in the names of the native protocol.
Fields = Mapping[str, Any]
Client = Callable[[str, Fields], Hit]


def renamed(fields: Fields, names: Mapping[str, str]) -> dict[str, Any]:
    """Return *fields* under the *names* of a client."""
    return {names.get(name, name): value for name, value in fields.items()}


def properties(
    order: Fields, order_names: Mapping[str, str], line_names: Mapping[str, str]
) -> dict[str, Any]:
    """Return *order* as the properties of a client's event."""
    lines = [renamed(line, line_names) for line in order.get("items", ())]
    items = {"items": lines} if lines else {}
    return renamed({**order, **items}, order_names)


def segment_properties(order: Fields) -> dict[str, Any]:
    """Return *order* with the names of Segment's specification."""
    order_names = {"id": "order_id", "value": "total", "items": "products"}
    return properties(order, order_names, {"product": "product_id"})


def google_params(order: Fields) -> dict[str, Any]:
    """Return *order* with the names of Google's specification."""
    return properties(order, {"id": "transaction_id"}, {"product": "item_id"})


def only_hit(read: Reader, value: object, **more: Any) -> Hit:
    """Return the hit of a request with *value*."""
    decoded = read(vendor_request(value, **more))
    assert isinstance(decoded, DecodedRequest)
    (hit,) = decoded.hits
    assert isinstance(hit, Hit)
    return hit


def of_native(name: str, order: Fields) -> Hit:
    """Return the hit of a native event."""
    (hit,) = decode_hits(json.dumps({"name": name, "order": order}).encode(), 1)
    assert isinstance(hit, Hit)
    return hit


def of_google_server(name: str, order: Fields) -> Hit:
    """Return the hit of an event of the Measurement Protocol."""
    event = {"name": name, "params": google_params(order)}
    query = "measurement_id=G-1&api_secret=s"
    return only_hit(ga4.read_server_events, {"events": [event]}, query=query)


def of_google_tag(name: str, order: Fields) -> Hit:
    """Return the hit of an event of Google's tag, which has short names."""
    codes = {"product": "id", "quantity": "qt", "price": "pr", "variant": "va"}
    fields = {"tid": "G-1", "en": name}
    for field, value in google_params({**order, "items": ()}).items():
        if field == "currency":
            fields["cu"] = value
        elif field != "items":
            kind = "ep" if isinstance(value, str) else "epn"
            fields[f"{kind}.{field}"] = str(value)
    for number, line in enumerate(order.get("items", ()), 1):
        parts = (f"{codes[part]}{value}" for part, value in line.items())
        fields[f"pr{number}"] = "~".join(parts)
    return only_hit(ga4.read_tag_events, None, body=b"", query=urlencode(fields))


def of_segment(name: str, order: Fields) -> Hit:
    """Return the hit of a call of Segment's and of RudderStack's clients."""
    call = {"type": "track", "event": name, "properties": segment_properties(order)}
    (read,) = (route.read for route in segment.PROTOCOL.routes if route.path == "/v1/b")
    return only_hit(read, {"writeKey": "w", "batch": [call]})


def of_posthog(name: str, order: Fields) -> Hit:
    """Return the hit of an event of PostHog's clients."""
    event = {"event": name, "properties": segment_properties(order), "api_key": "k"}
    return only_hit(posthog.read_events, event)


def of_mixpanel(name: str, order: Fields) -> Hit:
    """Return the hit of an event of Mixpanel's clients."""
    event = {"event": name, "properties": {"token": "t", **segment_properties(order)}}
    text = quote_plus(json.dumps([event]))
    return only_hit(mixpanel.read_events, None, body=f"data={text}".encode())


def of_plausible(name: str, order: Fields) -> Hit:
    """Return the hit of an event of Plausible's clients."""
    body = {"n": name, "d": "shop.example", "p": segment_properties(order)}
    return only_hit(plausible.read_event, body)


def of_plausible_revenue(name: str, order: Fields) -> Hit:
    """Return the hit of an event whose value is Plausible's revenue."""
    props = segment_properties({key: order[key] for key in order if key != "value"})
    revenue = {"amount": order["value"]} if "value" in order else None
    body = {"n": name, "d": "shop.example", "p": props, "$": revenue}
    return only_hit(plausible.read_event, body)


def of_umami(name: str, order: Fields) -> Hit:
    """Return the hit of an event of Umami's clients."""
    payload = {"website": "w", "name": name, "data": segment_properties(order)}
    return only_hit(umami.read_send, {"type": "event", "payload": payload})


CLIENTS: Mapping[str, Client] = {
    "native": of_native,
    "ga4": of_google_server,
    "ga4 tag": of_google_tag,
    "segment": of_segment,
    "posthog": of_posthog,
    "mixpanel": of_mixpanel,
    "plausible": of_plausible,
    "plausible revenue": of_plausible_revenue,
    "umami": of_umami,
}
every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS.keys())


def stored(client: Client, name: str, order: Fields, site: Any = BY_ID) -> OrderFields:
    """Return the columns that are stored of an order from *client*."""
    hit = client(name, order)
    assert hit.order is not None
    got = parse_order(hit.order, hit.name, site)
    assert isinstance(got, OrderFields), got
    return got


def line(**changes: Any) -> dict[str, Any]:
    """Return a line of an order."""
    return {"product": "p", "quantity": 1, "price": 1.5, **changes}


def amounts(got: OrderFields) -> tuple[int | None, int | None, bool]:
    """Return the value, the refund, and whether they are the sum of lines."""
    return got.value_minor, got.refund_minor, got.amount_from_items


@every_client
@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        pytest.param("purchase", {"value": 10.5}, (1050, None, False), id="an order"),
        pytest.param("refund", {"value": 4.0}, (None, 400, False), id="its value"),
        pytest.param("refund", {"value": "4.00"}, (None, 400, False), id="as text"),
        pytest.param("refund", {"value": -4.0}, (None, 400, False), id="a sign"),
        pytest.param("refund", {"refund": 4.0}, (None, 400, False), id="its refund"),
        pytest.param(
            "refund",
            {"value": 10.5, "refund": 4.0},
            (1050, 400, False),
            id="a part of the order",
        ),
        pytest.param("refund", {}, (None, None, False), id="the whole order"),
        pytest.param(
            "refund", {"items": [line()]}, (None, 150, True), id="a refund's lines"
        ),
        pytest.param(
            "purchase",
            {"items": [line(), line(quantity=2)]},
            (450, None, True),
            id="an order's lines",
        ),
        pytest.param(
            "purchase",
            {"value": 10.5, "tax": "none"},
            (1050, None, False),
            id="unreadable tax",
        ),
    ],
)
def test_amounts_are_the_same_for_every_client(
    client: Client, name: str, order: Fields, expected: tuple[Any, ...]
) -> None:
    if client is of_native and order.get("tax") == "none":
        pytest.skip("the native protocol refuses a tax that is no number, with 400")

    got = stored(client, name, {"id": "1001", "currency": "EUR", **order})

    assert amounts(got) == expected
    assert got.order_key == keyed_hash(KEY, HashPurpose.ORDER, "1001")


@every_client
@pytest.mark.parametrize("name", ["Order Completed", "purchase", "order_placed"])
def test_an_order_has_one_name_and_one_key(client: Client, name: str) -> None:
    got = stored(client, name, {"id": " 1001 ", "value": 10.5})

    assert got.name == "order_placed"
    assert got.order_key == keyed_hash(KEY, HashPurpose.ORDER, "1001")


@every_client
@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("add_to_cart", "added"),
        ("Product Added", "added"),
        ("remove_from_cart", "removed"),
        ("Product Removed", "removed"),
        ("cart_updated", None),
    ],
)
def test_what_left_the_cart_can_be_told_from_what_came(
    client: Client, name: str, action: str | None
) -> None:
    got = stored(client, name, {"items": [line()]})

    assert (got.name, got.cart_action) == ("cart_updated", action)


@every_client
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            line(quantity=0.35, price=12.9),
            Item(product="p", price_minor=452),
            id="by weight",
        ),
        pytest.param(
            line(price=-2.5), Item(product="p", price_minor=-250), id="a discount"
        ),
        pytest.param(
            line(product="x" * 300), Item(product=CUT, price_minor=150), id="long"
        ),
        pytest.param(
            line(product=" p "), Item(product="p", price_minor=150), id="blanks"
        ),
        pytest.param(
            line(quantity=3),
            Item(product="p", quantity=3, price_minor=150),
            id="pieces",
        ),
    ],
)
def test_an_odd_line_keeps_the_order(
    client: Client, sent: Fields, expected: Item
) -> None:
    got = stored(client, "purchase", {"value": 99.0, "items": [sent]})

    assert (got.value_minor, got.items) == (9_900, (expected,))


@every_client
def test_an_order_of_many_lines_keeps_total_and_sum(client: Client) -> None:
    lines = [line(product=f"p{number}") for number in range(MAX_ITEMS + 51)]

    got = stored(client, "purchase", {"id": "1001", "value": 500.0, "items": lines})

    items = got.items or ()
    assert got.value_minor == 50_000
    assert len(items) == MAX_ITEMS + 1
    assert items[-1] == Item(product=REST, price_minor=51 * 150)
    assert sum(item.price_minor or 0 for item in items) == (MAX_ITEMS + 51) * 150


@every_client
@pytest.mark.parametrize(
    ("site", "expected"), [(BY_ID, "42"), (BY_SKU, "MUG")], ids=["id", "sku"]
)
def test_the_site_says_which_code_is_the_product(
    client: Client, site: Any, expected: str
) -> None:
    if client is of_google_tag:
        pytest.skip("Google's tag sends one code")

    got = stored(
        client, "purchase", {"value": 1.0, "items": [line(product=42, sku="MUG")]}, site
    )

    assert got.items == (Item(product=expected, price_minor=150),)


@every_client
def test_a_line_in_another_currency_has_no_price(client: Client) -> None:
    if client is of_google_tag:
        pytest.skip("Google's tag sends no currency with a line")
    foreign = line(product="q", currency="USD")

    got = stored(
        client,
        "purchase",
        {"value": 9.0, "currency": "EUR", "items": [line(), foreign]},
    )

    assert got.items == (Item(product="p", price_minor=150), Item(product="q"))
