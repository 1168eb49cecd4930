"""Commerce names and fields of vendors become canonical ones, with exact amounts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from proxy.pipeline.commerce import BAD_ORDER, OrderFields, parse_order
from proxy.pipeline.commerce_names import (
    CommerceName,
    canonical_name,
    cart_action,
    commerce_table,
)
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.order_lines import MAX_ITEMS, MAX_LINES
from proxy.protocols.commerce import amount_of, commerce_of, order_of
from tests.proxy.pipeline.parsed_orders import SITE

PLACED = CommerceName.ORDER_PLACED


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Order Completed", "order_placed"),
        ("order_completed", "order_placed"),
        ("order.placed", "order_placed"),
        ("purchase", "order_placed"),
        ("$purchase", "order_placed"),
        ("Product Added", "cart_updated"),
        ("add_to_cart", "cart_updated"),
        ("Product Viewed", "product_viewed"),
        ("view_item", "product_viewed"),
        ("Checkout Started", "checkout_started"),
        ("begin_checkout", "checkout_started"),
        ("payment.captured", "payment_completed"),
        ("payment.refunded", "order_refunded"),
        ("Order Refunded", "order_refunded"),
        ("Signed Up", "customer_registered"),
        ("customer.created", "customer_registered"),
        ("Order Viewed", None),
        ("", None),
        ("purchase" + " " * 100, None),
    ],
)
def test_a_name_is_recognized_in_every_spelling(
    name: str, expected: str | None
) -> None:
    assert canonical_name(name) == expected


def test_every_canonical_name_is_in_the_table_once() -> None:
    table = commerce_table()
    spellings = [spelling for group in table.names.values() for spelling in group]

    assert set(table.names) == set(CommerceName)
    assert len(spellings) == len(set(spellings))
    for name, group in table.names.items():
        assert {canonical_name(spelling) for spelling in (name.value, *group)} == {name}


def test_a_cart_action_is_a_name_of_a_cart_event() -> None:
    table = commerce_table()
    names = table.names[CommerceName.CART_UPDATED]

    for action, spellings in table.cart_actions.items():
        assert set(spellings) <= set(names)
        assert {cart_action(spelling) for spelling in spellings} == {action}
    assert cart_action("cart_updated") is None


def test_other_events_keep_their_name_and_have_no_order() -> None:
    assert commerce_of("Plan Chosen", {"total": 5}) == ("Plan Chosen", None)


ITEMS = [{"product_id": "42", "variant": "L", "quantity": 2, "price": Decimal("29.95")}]
LINE = OrderLine(product="42", variant="L", quantity=Decimal(2), price=Decimal("29.95"))


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        pytest.param(
            "Order Completed",
            {
                "order_id": "1001",
                "total": Decimal("69.90"),
                "revenue": Decimal("59.90"),
                "tax": 5,
                "shipping": "4.90",
                "discount": "2",
                "coupon": "SPRING",
                "currency": "EUR",
                "products": ITEMS,
            },
            Order(
                id="1001",
                value=Decimal("69.90"),
                tax=Decimal(5),
                shipping=Decimal("4.90"),
                discount=Decimal(2),
                coupon="SPRING",
                currency="EUR",
                items=[LINE],
            ),
            id="Segment",
        ),
        pytest.param(
            "purchase",
            {
                "transaction_id": "T-1",
                "value": Decimal("10.5"),
                "items": [{"item_id": "A", "item_variant": "red"}],
            },
            Order(
                id="T-1",
                value=Decimal("10.5"),
                items=[OrderLine(product="A", variant="red")],
            ),
            id="GA4",
        ),
        pytest.param(
            "order.placed",
            {"order_id": 7, "total": 1, "currency_code": "sek", "cart_id": "c"},
            Order(id="7", cart="c", value=Decimal(1), currency="sek"),
            id="Medusa",
        ),
        pytest.param(
            "Product Viewed",
            {"sku": "A-1", "price": "9.99", "name": "Mug"},
            Order(items=[OrderLine(sku="A-1", price=Decimal("9.99"))]),
            id="one product is a line",
        ),
        pytest.param(
            "Order Refunded",
            {"order_id": "1001", "total": "10.00"},
            Order(id="1001", value=Decimal("10.00")),
            id="a refund's value",
        ),
        pytest.param(
            "refund",
            {"order_id": "1001", "refund": "3", "value": "10.00"},
            Order(id="1001", value=Decimal("10.00"), refund=Decimal(3)),
            id="a separate refund",
        ),
        pytest.param("Signed Up", {}, Order(), id="nothing named"),
    ],
)
def test_fields_are_found_under_their_vendor_names(
    name: str, properties: Mapping[str, Any], expected: Order
) -> None:
    got = canonical_name(name)
    assert got is not None

    assert order_of(got, properties) == expected


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"total": "ten"}, id="a word"),
        pytest.param({"total": True}, id="a truth"),
        pytest.param({"total": [1]}, id="a list"),
        pytest.param({"total": Decimal("1e9")}, id="an exponent"),
        pytest.param({"total": Decimal(-1)}, id="negative"),
        pytest.param({"total": 10**15}, id="absurd"),
        pytest.param({"currency": "EURO", "total": 1}, id="unknown currency"),
    ],
)
def test_the_pipeline_drops_an_order_of_unreadable_amount(
    properties: Mapping[str, Any],
) -> None:
    assert parse_order(order_of(PLACED, properties), PLACED, SITE) is BAD_ORDER


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"tax": {}}, id="no tax"),
        pytest.param({"shipping": "free"}, id="shipping in words"),
        pytest.param({"products": [{"product_id": "1", "quantity": {}}]}, id="pieces"),
        pytest.param({"products": [{"product_id": "1", "quantity": "1.5"}]}, id="half"),
        pytest.param({"products": [{"price": 1}]}, id="nameless"),
        pytest.param({"products": [7, "sku-1", None, []]}, id="no line"),
        pytest.param({"products": "sku-1"}, id="no list"),
    ],
)
def test_the_pipeline_keeps_an_order_with_an_odd_detail(
    properties: Mapping[str, Any],
) -> None:
    order = order_of(PLACED, {"order_id": "1001", "total": "10.50", **properties})
    got = parse_order(order, PLACED, SITE)

    assert isinstance(got, OrderFields)
    assert got.value_minor == 1_050


def test_only_the_amounts_of_lines_past_the_limit_are_read() -> None:
    many = [{"product_id": "p", "quantity": 2, "price": 3}] * (MAX_LINES + 9)

    got = order_of(PLACED, {"products": many}).items or []

    amounts = OrderLine(quantity=Decimal(2), price=Decimal(3))
    assert len(got) == MAX_LINES + 1
    assert got[MAX_ITEMS - 1].product == "p"
    assert got[MAX_ITEMS:] == [amounts] * (MAX_LINES + 1 - MAX_ITEMS)


@pytest.mark.parametrize("value", ["9" * 5_000, "1e999999999", "\u0665", "NaN"])
def test_an_odd_amount_is_refused_without_an_error(value: str) -> None:
    amount = amount_of(value)

    assert parse_order(Order(value=amount), PLACED, SITE) is BAD_ORDER
