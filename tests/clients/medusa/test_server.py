"""A purchase in a real Medusa server has the same amounts in Millpond's tables.

The REST API does it all: region, product, cart, order, capture and refunds.
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
from tests.clients.medusa.rest_shop import Body, Shop
from tests.clients.medusa.shared_millpond import Millpond
from tests.load_and_build import load_and_build
from warehouse.schema import Event, Item
from warehouse.tables import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

MUGS = (Item(product="mug", variant="MUG-BLUE", quantity=3, price_minor=1_999),)
# The prefixes of Medusa's ids; no id may leave the shop.
MEDUSAS_IDS = ("order_0", "cus_0", "cart_0", "pay_0", "prod_0", "variant_0", "ordli_0")


class Sold(NamedTuple):
    """An order of a customer, paid and partly refunded twice, and one of a guest."""

    customers: Body
    guests: Body


def sell(shop: Shop) -> Sold:
    """Sell, capture and refund like a shop in one day."""
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
    """Return an amount of Medusa in cents."""
    return int((Decimal(str(amount)) * 100).to_integral_value(ROUND_HALF_EVEN))


def events_named(events: list[Event], name: str) -> list[Event]:
    """Return the events with *name*, each message once, in order."""
    first = {event.event_id: event for event in reversed(events) if event.name == name}
    return list(reversed(first.values()))


def test_a_real_medusa_shop_is_measured_to_the_cent(
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
    assert len(events_named(events, "customer_registered")) == 1
    assert len(events_named(events, "checkout_started")) == 2
    assert [event.items for event in events_named(events, "cart_updated")] == [
        MUGS,
        MUGS,
    ]
    secrets = [*MEDUSAS_IDS, KEY, "Canary Street", "Kanarienvogel", "guest@mail"]
    written = millpond.worker.written()
    assert canaries_in(written) == set()
    assert [secret for secret in secrets if secret.encode() in written] == []
    check_tables(millpond, tmp_path / "warehouse")


def check_orders(millpond: Millpond, events: list[Event], sold: Sold) -> None:
    """Check that each order has the values of Medusa's answer."""
    orders = events_named(events, "order_placed")

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
    """Check the payment and both refunds: each once, for the customer's order."""
    (paid,) = events_named(events, "payment_completed")
    refunds = events_named(events, "order_refunded")
    order = millpond.hashed(HashPurpose.ORDER, sold.customers["id"])

    assert {event.order_key for event in (paid, *refunds)} == {order}
    assert paid.value_minor == 7_720
    assert Counter(event.refund_minor for event in refunds) == {1_001: 1, 550: 1}


def check_tables(millpond: Millpond, place: Path) -> None:
    """Check that the tables count each message once."""
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
