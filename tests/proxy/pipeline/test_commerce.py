"""Amounts are exact, ids are hashed, and only an unreadable amount refuses an order."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import PrivacySettings, SiteSettings
from proxy.pii.detect import looks_personal
from proxy.pipeline.commerce import BAD_ORDER, NO_ORDER, OrderFields, parse_order
from proxy.pipeline.commerce_names import CommerceName
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.order_lines import (
    MAX_QUANTITY,
)
from proxy.pipeline.product_code import MAX_CODE_LENGTH
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site, prepare_site
from tests.proxy.pipeline.parsed_orders import (
    KEY,
    NAN,
    PLACED,
    REFUNDED,
    SITE,
    UNREADABLE_LINE,
    VALUE,
    fields,
)
from warehouse.money import LARGEST_AMOUNT, minor_digits
from warehouse.schema import Item


def other_site(currency: str) -> Site:
    settings = SiteSettings(id="other", domains=("o.example",), currency=currency)
    return prepare_site(settings, PrivacySettings(), KEY)


def test_an_order_fills_its_columns() -> None:
    order = Order(
        id=1001,
        cart="c-7",
        currency=" usd ",
        value=Decimal("59.90"),
        tax=Decimal("9.56"),
        shipping=Decimal("4.90"),
        refund=Decimal(0),
        coupon="SPRING20",
        items=[
            OrderLine(
                product=42, variant="L", quantity=Decimal(2), price=Decimal("29.95")
            ),
            OrderLine(product="discount", price=Decimal(-5)),
        ],
    )

    got = parse_order(order, PLACED, SITE)

    assert got == OrderFields(
        name=PLACED,
        order_key=keyed_hash(KEY, HashPurpose.ORDER, "1001"),
        cart_key=keyed_hash(KEY, HashPurpose.CART, "c-7"),
        currency="USD",
        value_minor=5_990,
        tax_minor=956,
        shipping_minor=490,
        refund_minor=0,
        coupon="SPRING20",
        items=(
            Item(product="42", variant="L", quantity=2, price_minor=2_995),
            Item(product="discount", price_minor=-500),
        ),
    )


def test_an_empty_order_has_the_currency_of_the_site() -> None:
    got = parse_order(Order(id="", coupon=" "), PLACED, other_site("JPY"))

    assert got == OrderFields(name=PLACED, currency="JPY")
    assert OrderFields() == NO_ORDER


def test_equal_order_and_cart_ids_have_different_hashes() -> None:
    got = parse_order(Order(id="1001", cart="1001"), PLACED, SITE)

    assert isinstance(got, OrderFields)
    assert got.order_key != got.cart_key


@pytest.mark.parametrize("name", [PLACED, REFUNDED])
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(Order(currency="XXX"), id="no currency"),
        pytest.param(Order(currency="EURO"), id="unknown currency"),
        pytest.param(Order(value=NAN), id="NaN"),
        pytest.param(Order(value=Decimal("1e99")), id="exponent"),
        pytest.param(Order(value=Decimal(10**12)), id="absurd"),
        pytest.param(Order(items=[UNREADABLE_LINE]), id="nothing says the amount"),
    ],
)
def test_an_order_or_refund_of_unreadable_amount_is_refused(
    order: Order, name: str
) -> None:
    assert parse_order(order, name, SITE) is BAD_ORDER


def test_an_order_of_negative_value_is_refused() -> None:
    assert parse_order(Order(value=Decimal(-1)), PLACED, SITE) is BAD_ORDER
    returned = [OrderLine(product="a", price=Decimal(-1))]

    assert parse_order(Order(items=returned), PLACED, SITE) is BAD_ORDER


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param(Order(value=Decimal(4)), (None, 400), id="value"),
        pytest.param(Order(refund=Decimal(4)), (None, 400), id="refund"),
        pytest.param(
            Order(value=VALUE, refund=Decimal(4)), (1_050, 400), id="refund and value"
        ),
        pytest.param(Order(value=Decimal(-4)), (None, 400), id="with a sign"),
        pytest.param(Order(value=NAN, refund=Decimal(4)), (None, 400), id="odd value"),
        pytest.param(Order(value=Decimal(0)), (None, 0), id="nothing"),
    ],
)
@pytest.mark.parametrize("name", ["order_refunded", "refund", "Order Refunded"])
def test_the_amount_of_a_refund_is_its_value_unless_it_names_one(
    order: Order, name: str, expected: tuple[int | None, int]
) -> None:
    got = fields(order, name)

    assert (got.name, got.value_minor, got.refund_minor) == (REFUNDED, *expected)


@pytest.mark.parametrize(
    ("name", "canonical", "action"),
    [
        ("purchase", PLACED, None),
        ("Order Completed", PLACED, None),
        ("add_to_cart", CommerceName.CART_UPDATED, "added"),
        ("Product Removed", CommerceName.CART_UPDATED, "removed"),
        ("cart_updated", CommerceName.CART_UPDATED, None),
        ("Subscribed", None, None),
    ],
)
def test_an_event_with_an_order_has_the_canonical_name(
    name: str, canonical: str | None, action: str | None
) -> None:
    got = fields(Order(), name)

    assert (got.name, got.cart_action) == (canonical, action)


def test_a_cart_event_may_say_what_it_did() -> None:
    assert fields(Order(cart_action="removed"), "cart_updated").cart_action == "removed"
    assert fields(Order(cart_action="removed"), PLACED).cart_action is None


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        pytest.param(" 1001\t", "1001", id="blanks"),
        pytest.param(1001, "1001", id="a number"),
        pytest.param("x" * 10_000 + " ", "x" * 10_000, id="a long id"),
        pytest.param(16**5_000, "1" + "0" * 5_000, id="an unspeakable id"),
    ],
)
def test_ids_are_compared_without_blanks_and_of_any_length(
    sent: str | int, same: str
) -> None:
    got = fields(Order(id=sent, cart=sent))

    assert got.order_key == keyed_hash(KEY, HashPurpose.ORDER, same)
    assert got.cart_key == keyed_hash(KEY, HashPurpose.CART, same)
    assert fields(Order(id="  ")).order_key is None


@pytest.mark.parametrize(
    ("coupon", "expected"),
    [
        ("SPRING20", "SPRING20"),
        (" free shipping ", "free shipping"),
        ("jane@mail.example", None),
        ("WELCOME-8F3K2L9QX7", None),
        ("4915112345678", None),
        ("x " * MAX_CODE_LENGTH, None),
    ],
)
def test_a_personal_coupon_is_not_kept(coupon: str, expected: str | None) -> None:
    got = parse_order(Order(coupon=coupon), PLACED, SITE)

    assert got == OrderFields(name=PLACED, currency="EUR", coupon=expected)


def test_amounts_from_json_numbers_are_exact() -> None:
    body = b'{"value": 1.005, "tax": 0.1, "shipping": "0.285"}'

    got = parse_order(msgspec.json.decode(body, type=Order), PLACED, SITE)

    # As binary fractions, 1.005 and 0.285 would round down.
    assert got == OrderFields(
        name=PLACED, currency="EUR", value_minor=100, tax_minor=10, shipping_minor=28
    )


ORDERS = st.builds(
    Order,
    id=st.none() | st.text(max_size=250) | st.integers(),
    cart=st.none() | st.text(max_size=20),
    currency=st.none() | st.sampled_from(["EUR", "usd"]) | st.text(max_size=4),
    value=st.none() | st.decimals(),
    tax=st.none() | st.decimals(0, 100),
    coupon=st.none() | st.text(max_size=120),
    items=st.none()
    | st.lists(
        st.builds(
            OrderLine,
            product=st.text(min_size=1, max_size=120) | st.integers(),
            quantity=st.decimals(),
            price=st.none() | st.decimals(0, 1_000),
        ),
        max_size=4,
    ),
)


@given(order=ORDERS)
def test_any_order_is_bounded_or_rejected(order: Order) -> None:
    got = parse_order(order, PLACED, SITE)

    if got is BAD_ORDER:
        return
    assert minor_digits(got.currency or "") is not None
    assert got.value_minor is None or 0 <= got.value_minor <= LARGEST_AMOUNT
    assert got.coupon is None or not looks_personal(got.coupon)
    for item in got.items or ():
        assert item.product.isprintable()
        assert 0 < len(item.product) <= MAX_CODE_LENGTH
        assert abs(item.quantity) <= MAX_QUANTITY
