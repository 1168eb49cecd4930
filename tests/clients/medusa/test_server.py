"""A purchase in a real Medusa server is the same figures in what Millpond stored.

From region, product and cart to order, captured payment and refunds, all by REST.
"""

from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from batcher.spool.spool import Spool
from proxy.pipeline.site_keys import HashPurpose
from tests.batcher.load.spooled_events import stored_events
from tests.canaries import CANARIES, canaries_in
from tests.clients.medusa.conftest import KEY
from tests.clients.medusa.medusa_server import medusa_server
from tests.clients.medusa.millpond import Millpond
from tests.clients.medusa.shop import Body, Shop
from tests.load_and_build import load_and_build
from warehouse.schema import Event, Item
from warehouse.tables import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

MUGS = (Item(product="mug", variant="MUG-BLUE", quantity=3, price_minor=1_999),)
# How Medusa's ids begin; all of them must stay in the shop.
MEDUSAS_IDS = ("order_0", "cus_0", "cart_0", "pay_0", "prod_0", "variant_0", "ordli_0")


class Sold(NamedTuple):
    """Two orders: a customer's, paid and refunded in part twice, and a guest's."""

    customers: Body
    guests: Body


def sell(shop: Shop) -> Sold:
    """Do what a shop does in a day."""
    email = CANARIES["e-mail"]
    visit = {"millpond_visit": CANARIES["token"]}
    customers = shop.buy(shop.register(email), email, **visit)
    payment = f"/admin/payments/{shop.payment(customers)}"
    shop.admin.post(f"{payment}/capture")
    shop.admin.post(f"{payment}/refund", {"amount": 10.01})
    shop.admin.post(f"{payment}/refund", {"amount": 5.5})
    guests = shop.buy(shop.store, "guest@mail.example")
    return Sold(customers, guests)


def minor(amount: object) -> int:
    """Return what Medusa says in cents."""
    return int((Decimal(str(amount)) * 100).to_integral_value(ROUND_HALF_EVEN))


def named(events: list[Event], name: str) -> list[Event]:
    """Return the events of *name*, each message once, in order."""
    first = {event.event_id: event for event in reversed(events) if event.name == name}
    return list(reversed(first.values()))


def test_a_real_shop_is_measured_to_the_cent(
    tmp_path: Path, millpond: Millpond
) -> None:
    shop_folder = tmp_path / "shop"
    shop_folder.mkdir()
    host = f"http://127.0.0.1:{millpond.port}/stats"
    with medusa_server(shop_folder, host, KEY) as shop:
        sold = sell(shop)
    log = (shop_folder / "medusa.log").read_text()
    events = millpond.events
    drops = millpond.worker.spooled.drops

    assert (drops, [line for line in log.splitlines() if "millpond:" in line]) == (
        [],
        [],
    )
    check_orders(millpond, events, sold)
    check_movements(millpond, events, sold)
    assert {event.server for event in events} == {True}
    assert len(named(events, "customer_registered")) == 1
    assert len(named(events, "checkout_started")) == 2
    assert [event.items for event in named(events, "cart_updated")] == [MUGS, MUGS]
    secrets = [*MEDUSAS_IDS, KEY, "Canary Street", "Kanarienvogel", "guest@mail"]
    written = millpond.worker.written()
    assert canaries_in(written) == set()
    assert [each for each in secrets if each.encode() in written] == []
    check_tables(millpond, tmp_path / "warehouse")


def check_orders(millpond: Millpond, events: list[Event], sold: Sold) -> None:
    """See that each order is what Medusa answered."""
    orders = named(events, "order_placed")

    assert len(orders) == 2
    for event, order in zip(orders, sold, strict=True):
        assert event.order_key == millpond.hashed(HashPurpose.ORDER, order["id"])
        assert event.currency == "EUR"
        assert event.value_minor == minor(order["total"]) == 7_720
        assert event.tax_minor == minor(order["tax_total"]) == 1_233
        assert event.shipping_minor == minor(order["shipping_total"]) == 583
        assert event.items == MUGS
        assert event.actor is not None


def check_movements(millpond: Millpond, events: list[Event], sold: Sold) -> None:
    """See the payment and both refunds, each once and of the customer's order."""
    (paid,) = named(events, "payment_completed")
    refunds = named(events, "order_refunded")
    order = millpond.hashed(HashPurpose.ORDER, sold.customers["id"])

    assert {event.order_key for event in (paid, *refunds)} == {order}
    assert paid.value_minor == 7_720
    assert Counter(event.refund_minor for event in refunds) == {1_001: 1, 550: 1}


def check_tables(millpond: Millpond, place: Path) -> None:
    """See that each thing counts once, however often Medusa told it."""
    assert millpond.worker.stop() == 0
    warehouse = Warehouse(place)
    load_and_build(Spool(millpond.worker.spool_dir), warehouse)

    assert Counter(event.name for event in stored_events(warehouse)) == {
        "customer_registered": 1,
        "cart_updated": 2,
        "checkout_started": 2,
        "order_placed": 2,
        "payment_completed": 1,
        "order_refunded": 2,
    }
