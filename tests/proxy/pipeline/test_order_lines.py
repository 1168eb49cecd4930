"""An odd line or detail never refuses an order, and the sum of the lines stays."""

from decimal import Decimal

import msgspec
import pytest

from config.settings import PrivacySettings, SiteSettings
from proxy.pipeline.commerce import BAD_ORDER, OrderFields, parse_order
from proxy.pipeline.hit import Order, OrderLine
from proxy.pipeline.order_lines import (
    MAX_ITEMS,
    MAX_LINES,
    MAX_QUANTITY,
    NO_PRODUCT,
    REST,
)
from proxy.pipeline.product_code import CUT
from proxy.pipeline.site_keys import HashPurpose, keyed_hash
from proxy.pipeline.sites import prepare_site
from tests.proxy.pipeline.parsed_orders import (
    KEY,
    NAN,
    PLACED,
    REFUNDED,
    SITE,
    UNREADABLE_LINE,
    VALUE,
    fields,
    lines,
)
from warehouse.schema import Item


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param(Order(currency=" "), OrderFields(), id="blank currency"),
        pytest.param(Order(tax=Decimal(-1)), OrderFields(), id="negative tax"),
        pytest.param(Order(tax=NAN), OrderFields(), id="unreadable tax"),
        pytest.param(Order(shipping=Decimal(-1)), OrderFields(), id="shipping"),
        pytest.param(
            Order(discount=Decimal(-2)),
            OrderFields(discount_minor=200),
            id="a discount with a sign",
        ),
        pytest.param(Order(refund=Decimal(-1)), OrderFields(), id="negative refund"),
        pytest.param(Order(coupon="x" * 500), OrderFields(), id="long coupon"),
        pytest.param(Order(items=[OrderLine()]), OrderFields(), id="empty line"),
        pytest.param(
            Order(items=[OrderLine(product=" ", price=Decimal(1))]),
            OrderFields(items=(Item(product=NO_PRODUCT, price_minor=100),)),
            id="blank product",
        ),
        pytest.param(
            Order(items=[OrderLine(product="x" * 300)]),
            OrderFields(items=(Item(product=CUT),)),
            id="long product",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", variant="x" * 10**5)]),
            OrderFields(items=(Item(product="a", variant=CUT),)),
            id="long variant",
        ),
        pytest.param(
            Order(items=[OrderLine(product=10**5_000)]),
            OrderFields(items=(Item(product=CUT),)),
            id="unspeakable product",
        ),
        pytest.param(
            Order(items=[UNREADABLE_LINE]),
            OrderFields(items=(Item(product="a"),)),
            id="unreadable price",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", price=Decimal(1), currency="usd")]),
            OrderFields(items=(Item(product="a"),)),
            id="a line in another currency",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", price=Decimal(1), currency="?")]),
            OrderFields(items=(Item(product="a"),)),
            id="a line in no currency",
        ),
        pytest.param(
            Order(items=[OrderLine(product="voucher", price=Decimal("-2.50"))]),
            OrderFields(items=(Item(product="voucher", price_minor=-250),)),
            id="a line that is a discount",
        ),
        pytest.param(
            Order(items=[OrderLine(product="a", quantity=NAN, price=Decimal(1))]),
            OrderFields(items=(Item(product="a"),)),
            id="no number of pieces",
        ),
        pytest.param(
            Order(
                items=[
                    OrderLine(
                        product="a", quantity=Decimal("0.35"), price=Decimal("12.90")
                    )
                ]
            ),
            OrderFields(items=(Item(product="a", price_minor=452),)),
            id="goods by weight",
        ),
        pytest.param(
            Order(
                items=[
                    OrderLine(
                        product="a", quantity=Decimal(1_000), price=Decimal("0.005")
                    )
                ]
            ),
            OrderFields(items=(Item(product="a", price_minor=500),)),
            id="a price below a cent",
        ),
        pytest.param(
            Order(
                items=[
                    OrderLine(
                        product="a",
                        quantity=Decimal(MAX_QUANTITY + 1),
                        price=Decimal("0.01"),
                    )
                ]
            ),
            OrderFields(items=(Item(product="a", price_minor=1_000_001),)),
            id="many pieces",
        ),
        pytest.param(
            Order(
                items=[
                    OrderLine(
                        product="a",
                        quantity=Decimal(MAX_QUANTITY),
                        price=Decimal(10**9),
                    )
                ]
            ),
            OrderFields(items=(Item(product="a"),)),
            id="a line past every amount",
        ),
    ],
)
def test_an_odd_detail_is_left_out_and_keeps_the_order(
    order: Order, expected: OrderFields
) -> None:
    got = fields(msgspec.structs.replace(order, id="1001", value=VALUE))

    key = keyed_hash(KEY, HashPurpose.ORDER, "1001")
    assert got == msgspec.structs.replace(
        expected, name=PLACED, order_key=key, currency="EUR", value_minor=1_050
    )


def test_lines_after_the_first_ones_are_one_line_of_the_same_sum() -> None:
    more = [OrderLine(product="last", quantity=Decimal("0.5"), price=Decimal("2.00"))]

    got = fields(Order(value=Decimal(999), items=lines(MAX_ITEMS + 7) + more))

    items = got.items or ()
    assert len(items) == MAX_ITEMS + 1
    assert items[-1] == Item(product=REST, price_minor=7 * 150 + 100)
    assert sum(item.quantity * (item.price_minor or 0) for item in items) == (
        (MAX_ITEMS + 7) * 150 + 100
    )
    assert (got.value_minor, got.amount_from_items) == (99_900, False)


def test_as_many_lines_as_may_be_stored_are_not_folded() -> None:
    items = fields(Order(items=lines(MAX_ITEMS))).items or ()

    assert len(items) == MAX_ITEMS
    assert REST not in {item.product for item in items}


def test_the_lines_after_the_last_one_that_is_read_do_not_refuse_the_order() -> None:
    many = lines(MAX_LINES + 1)

    got = fields(Order(value=VALUE, items=many))

    assert (got.items or ())[-1] == Item(
        product=REST, price_minor=(MAX_LINES - MAX_ITEMS) * 150
    )
    # Without a total, nothing says what such an order is worth.
    assert parse_order(Order(items=many), PLACED, SITE) is BAD_ORDER


@pytest.mark.parametrize(
    ("order", "name", "expected"),
    [
        pytest.param(
            Order(items=lines(3)), PLACED, (450, None, True), id="an order's lines"
        ),
        pytest.param(
            Order(items=lines(MAX_ITEMS + 2)),
            PLACED,
            ((MAX_ITEMS + 2) * 150, None, True),
            id="all of its lines",
        ),
        pytest.param(
            Order(items=lines(3), value=VALUE),
            PLACED,
            (1_050, None, False),
            id="its total wins",
        ),
        pytest.param(
            Order(items=[*lines(1), OrderLine(product="b")]),
            PLACED,
            (None, None, False),
            id="a line has no price",
        ),
        pytest.param(Order(), PLACED, (None, None, False), id="no lines"),
        pytest.param(
            Order(items=lines(2)), REFUNDED, (None, 300, True), id="a refund's lines"
        ),
        pytest.param(
            Order(
                items=[
                    OrderLine(product="a", quantity=Decimal(-2), price=Decimal("1.50"))
                ]
            ),
            REFUNDED,
            (None, 300, True),
            id="returned pieces",
        ),
        pytest.param(Order(), REFUNDED, (None, None, False), id="all of the order"),
        pytest.param(
            Order(items=lines(2)), "cart_updated", (None, None, False), id="a cart"
        ),
    ],
)
def test_lines_without_a_total_are_their_sum_and_marked(
    order: Order, name: str, expected: tuple[int | None, int | None, bool]
) -> None:
    got = fields(order, name)

    assert (got.value_minor, got.refund_minor, got.amount_from_items) == expected


SKU_SITE = prepare_site(
    SiteSettings(id="shop", domains=("shop.example",), product_id="sku"),
    PrivacySettings(),
    KEY,
)


@pytest.mark.parametrize(
    ("line", "by_id", "by_sku"),
    [
        (OrderLine(product="42", sku="MUG-L"), "42", "MUG-L"),
        (OrderLine(product="42"), "42", "42"),
        (OrderLine(sku="MUG-L"), "MUG-L", "MUG-L"),
        (OrderLine(product=" ", sku=7), "7", "7"),
        (OrderLine(product=" 42 ", sku=" "), "42", "42"),
    ],
)
def test_a_site_chooses_which_code_names_a_product(
    line: OrderLine, by_id: str, by_sku: str
) -> None:
    for site, expected in ((SITE, by_id), (SKU_SITE, by_sku)):
        got = fields(Order(items=[line]), PLACED, site)
        assert got.items == (Item(product=expected),)
