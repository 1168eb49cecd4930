"""Product codes are kept unless they name a person."""

import pytest

from proxy.pipeline.commerce import OrderFields, parse_order
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.product_code import CUT, MAX_CODE_LENGTH
from tests.proxy.pipeline.parsed_orders import (
    PLACED,
    SITE,
)
from warehouse.schema import Item


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

    got = parse_order(Order(items=[line]), PLACED, SITE)

    assert got == OrderFields(
        name=PLACED, currency="EUR", items=(Item(product=expected, variant=expected),)
    )


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
    got = parse_order(
        Order(items=[OrderLine(product=code, variant=code)]), PLACED, SITE
    )

    assert got == OrderFields(
        name=PLACED, currency="EUR", items=(Item(product=expected, variant=expected),)
    )
