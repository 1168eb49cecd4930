"""Amounts are exact, ids are hashed, and an unreadable order is rejected."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import PrivacySettings, SiteSettings
from proxy.pii.detect import looks_personal
from proxy.pipeline.commerce import (
    BAD_ORDER,
    CUT,
    MAX_CODE_LENGTH,
    MAX_ID_LENGTH,
    MAX_ITEMS,
    MAX_QUANTITY,
    NO_ORDER,
    OrderFields,
    parse_order,
)
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import Site, prepare_site
from warehouse.money import LARGEST_AMOUNT, minor_digits
from warehouse.schema import Item

KEY = bytes(range(32))
SITE = prepare_site(
    SiteSettings(id="shop", domains=("shop.example",), currency="EUR"),
    PrivacySettings(),
    KEY,
)


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
            OrderLine(product=42, variant="L", quantity=2, price=Decimal("29.95")),
            OrderLine(product="discount", price=Decimal(-5)),
        ],
    )

    got = parse_order(order, SITE)

    assert got == OrderFields(
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
    got = parse_order(Order(id="", coupon=" "), other_site("JPY"))

    assert got == OrderFields(currency="JPY")
    assert OrderFields() == NO_ORDER


def test_equal_order_and_cart_ids_have_different_hashes() -> None:
    got = parse_order(Order(id="1001", cart="1001"), SITE)

    assert isinstance(got, OrderFields)
    assert got.order_key != got.cart_key


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(Order(currency="XXX"), id="no currency"),
        pytest.param(Order(currency="EURO"), id="unknown currency"),
        pytest.param(Order(currency=""), id="empty currency"),
        pytest.param(Order(value=Decimal(-1)), id="negative value"),
        pytest.param(Order(tax=Decimal(-1)), id="negative tax"),
        pytest.param(Order(shipping=Decimal(-1)), id="negative shipping"),
        pytest.param(Order(refund=Decimal(-1)), id="negative refund"),
        pytest.param(Order(value=Decimal("NaN")), id="NaN"),
        pytest.param(Order(value=Decimal("1e99")), id="exponent"),
        pytest.param(Order(value=Decimal(10**12)), id="absurd"),
        pytest.param(Order(id="x" * (MAX_ID_LENGTH + 1)), id="long id"),
        pytest.param(Order(id=10**5_000), id="unspeakable id"),
        pytest.param(Order(cart="x" * (MAX_ID_LENGTH + 1)), id="long cart id"),
        pytest.param(Order(items=[OrderLine()]), id="no product"),
        pytest.param(Order(items=[OrderLine(product=" ")]), id="blank product"),
        pytest.param(
            Order(items=[OrderLine(product="a")] * (MAX_ITEMS + 1)), id="many lines"
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", quantity=0.5)]), id="half a piece"
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", quantity=MAX_QUANTITY + 1)]),
            id="too many pieces",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", quantity=float("nan"))]),
            id="no number of pieces",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", price=Decimal("Infinity"))]),
            id="endless price",
        ),
    ],
)
def test_an_order_with_an_unreadable_part_is_rejected(order: Order) -> None:
    got = parse_order(order, SITE)

    assert got is BAD_ORDER


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
    got = parse_order(Order(coupon=coupon), SITE)

    assert got == OrderFields(currency="EUR", coupon=expected)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("B08N5WRWNW", "B08N5WRWNW"),
        (4_006_381_333_931, "4006381333931"),
        ("12-3456-789", "12-3456-789"),
        ("550e8400-e29b-41d4-a716-446655440000",) * 2,
        ("Blue shirt (large)", "Blue shirt (large)"),
        ("a\x00b", "ab"),
        ("jane@mail.example", CUT),
        ("+49 151 1234567", CUT),
        ("203.0.113.7", CUT),
        ("DE89370400440532013000", CUT),
        ("x" * (MAX_CODE_LENGTH + 1), CUT),
    ],
)
def test_a_product_keeps_its_code_unless_it_names_a_person(
    product: str | int, expected: str
) -> None:
    line = OrderLine(product=product, variant=product)

    got = parse_order(Order(items=[line]), SITE)

    assert got == OrderFields(
        currency="EUR", items=(Item(product=expected, variant=expected),)
    )


def test_amounts_from_json_numbers_are_exact() -> None:
    body = b'{"value": 1.005, "tax": 0.1, "shipping": "0.285"}'

    got = parse_order(msgspec.json.decode(body, type=Order), SITE)

    # As binary fractions, 1.005 and 0.285 would round down.
    assert got == OrderFields(
        currency="EUR", value_minor=100, tax_minor=10, shipping_minor=28
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
            quantity=st.integers() | st.floats(),
            price=st.none() | st.decimals(0, 1_000),
        ),
        max_size=4,
    ),
)


@given(order=ORDERS)
def test_any_order_is_bounded_or_rejected(order: Order) -> None:
    got = parse_order(order, SITE)

    if got is BAD_ORDER:
        return
    assert minor_digits(got.currency or "") is not None
    assert got.value_minor is None or 0 <= got.value_minor <= LARGEST_AMOUNT
    assert got.coupon is None or not looks_personal(got.coupon)
    for item in got.items or ():
        assert item.product.isprintable()
        assert 0 < len(item.product) <= MAX_CODE_LENGTH
        assert abs(item.quantity) <= MAX_QUANTITY


CODED_ADDRESS = "am9obkBleGFtcGxlLmNvbQ=="
# Shopify's base64 id of a variant: gid://shopify/ProductVariant/39897499729985.
SHOPIFY_ID = "Z2lkOi8vc2hvcGlmeS9Qcm9kdWN0VmFyaWFudC8zOTg5NzQ5OTcyOTk4NQ=="


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("card 4111 1111 1111 1111", CUT),
        ("4111111111111111", CUT),
        ("4111-1111-1111-1111", CUT),
        ("gift for DE89 3704 0044 0532 0130 00", CUT),
        ("call 9498777106", CUT),
        ("SSN 489-36-8350", CUT),
        (CODED_ADDRESS, CUT),
        (CODED_ADDRESS.rstrip("="), CUT),
        ("6a616e65406d61696c2e6578616d706c65", CUT),
        (SHOPIFY_ID, SHOPIFY_ID),
        ("variant_01HXYZ8K3Q4R5S6T7V8W9X0Y1Z",) * 2,
        ("42424242424242", "42424242424242"),
        ("SKU-12345678", "SKU-12345678"),
    ],
)
def test_a_number_between_words_or_behind_an_encoding_is_not_a_code(
    code: str, expected: str
) -> None:
    got = parse_order(Order(items=[OrderLine(product=code, variant=code)]), SITE)

    assert got == OrderFields(
        currency="EUR", items=(Item(product=expected, variant=expected),)
    )
