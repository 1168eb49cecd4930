"""Millpond stores the events that a shop tracks in Medusa's real Analytics Module.

Each event is stored once, with exact amounts, hashed ids and no personal data.
"""

import json
import time

import pytest

from proxy.pipeline.site_keys import HashPurpose
from tests.canaries import CANARIES, canaries_in
from tests.clients.medusa.analytics_module import Analytics, RefusedError, Values, big
from tests.clients.medusa.conftest import KEY
from tests.clients.medusa.provider_package import built, run
from tests.clients.medusa.shared_millpond import Millpond
from warehouse.schema import Event, Item

# The first test of a process also compiles the provider and loads Medusa.
pytestmark = pytest.mark.timeout(300)

LINES = [
    {
        "id": "ordli_1",
        "title": CANARIES["name"],
        "product_id": "prod_1",
        "product_handle": "mug",
        "variant_sku": "MUG-BLUE",
        "quantity": big("3"),
        "unit_price": 19.99,
        "raw_unit_price": {"value": "19.990000000000000000", "precision": 20},
    },
    {"product_id": "prod_2", "quantity": 1, "unit_price": big("1e-2")},
]
ORDER = {
    "event": "order.placed",
    "actor_id": CANARIES["customer id"],
    "properties": {
        "id": CANARIES["order id"],
        "cart_id": CANARIES["cart id"],
        "email": CANARIES["e-mail"],
        "currency_code": "eur",
        # The float is wrong by a cent; the exact value counts.
        "total": 9007199255,
        "raw_total": {"value": "9007199254.99", "precision": 20},
        "tax_total": big("11.3943"),
        "shipping_total": "4.90",
        "coupon": "SPRING",
        "items": LINES,
        "shipping_address": {"first_name": CANARIES["name"]},
        "millpond_visit": CANARIES["token"],
        "plan": "gold",
        "note": CANARIES["telephone"],
    },
}


def stored_events(
    analytics: Analytics, millpond: Millpond, *events: Values
) -> list[Event]:
    """Track *events*, and return the events that Millpond stores."""
    analytics.start(f"http://127.0.0.1:{millpond.port}", KEY)
    analytics.track(*events)
    analytics.shutdown()
    return millpond.events


def test_an_order_arrives_with_exact_amounts_and_hashed_ids(
    analytics: Analytics, millpond: Millpond
) -> None:
    (event,) = stored_events(analytics, millpond, ORDER)

    assert (event.name, event.server, event.visitor) == ("order_placed", True, None)
    assert event.order_key == millpond.hashed(HashPurpose.ORDER, CANARIES["order id"])
    assert event.cart_key == millpond.hashed(HashPurpose.CART, CANARIES["cart id"])
    assert event.actor is not None
    assert (event.currency, event.coupon) == ("EUR", "SPRING")
    assert event.value_minor == 900_719_925_499
    assert (event.tax_minor, event.shipping_minor) == (1_139, 490)
    assert event.items == (
        Item(product="mug", variant="MUG-BLUE", quantity=3, price_minor=1_999),
        Item(product="prod_2", variant=None, quantity=1, price_minor=1),
    )
    assert json.loads(event.props or "") == {"plan": "gold"}
    assert analytics.warnings == []


def test_nothing_personal_is_written_or_logged(
    analytics: Analytics, millpond: Millpond
) -> None:
    traits = {"email": CANARIES["e-mail"], "name": CANARIES["name"]}
    stored_events(analytics, millpond, ORDER)
    analytics.start(f"http://127.0.0.1:{millpond.port}", "a-wrong-key")
    analytics.track(ORDER)
    analytics.identify({"actor_id": CANARIES["customer id"], "properties": traits})
    analytics.shutdown()
    logged = json.dumps(analytics.logged).encode()

    assert canaries_in(millpond.worker.written() + logged) == set()
    assert KEY.encode() not in millpond.worker.written()
    assert b"a-wrong-key" not in millpond.worker.written() + logged


def test_identify_sends_nothing(analytics: Analytics, millpond: Millpond) -> None:
    analytics.start(f"http://127.0.0.1:{millpond.port}", KEY)
    analytics.identify({"actor_id": "1", "properties": {"email": "a@mail.example"}})
    analytics.identify({"group": {"type": "company", "id": "2"}})
    analytics.shutdown()

    assert millpond.events == []


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("cart.created", "cart_updated"),
        ("cart.updated", "cart_updated"),
        ("payment.captured", "payment_completed"),
        ("payment.refunded", "order_refunded"),
        ("customer.created", "customer_registered"),
        ("order_placed", "order_placed"),
        ("newsletter joined", "newsletter joined"),
        ("constructor", "constructor"),
    ],
)
def test_an_event_arrives_under_its_canonical_name(
    analytics: Analytics, millpond: Millpond, event: str, name: str
) -> None:
    (stored,) = stored_events(
        analytics, millpond, {"event": event, "properties": {"gift": True}}
    )

    assert (stored.name, stored.props) == (name, '{"gift":true}')


def test_ids_of_other_objects_are_not_order_ids(
    analytics: Analytics, millpond: Millpond
) -> None:
    events = stored_events(
        analytics,
        millpond,
        {"event": "payment.captured", "properties": {"id": "pay_1", "amount": "7.5"}},
        {"event": "customer.created", "properties": {"id": "cus_1"}},
        {"event": "payment.refunded", "properties": {"id": "pay_1", "amount": "2.5"}},
    )

    assert [event.order_key for event in events] == [None, None, None]
    assert [event.value_minor for event in events] == [750, None, None]
    assert [event.refund_minor for event in events] == [None, None, 250]


def test_a_repeated_message_has_the_same_id(
    analytics: Analytics, millpond: Millpond
) -> None:
    same = {"event": "a", "properties": {"millpond_id": "once"}}
    first, second, third, fourth = stored_events(
        analytics, millpond, same, same, {"event": "a"}, {"event": "a"}
    )

    assert first.event_id == second.event_id
    assert len({first.event_id, third.event_id, fourth.event_id}) == 3


def test_a_wrong_key_stores_nothing_and_warns_with_a_hint(
    analytics: Analytics, millpond: Millpond
) -> None:
    analytics.start(f"http://127.0.0.1:{millpond.port}", "a-wrong-key")
    analytics.track({"event": "a"})
    analytics.shutdown()

    assert millpond.events == []
    (warning,) = analytics.warnings
    assert warning.startswith("millpond: 1 event dropped by Millpond as bot; is secret")


@pytest.mark.parametrize(
    ("path", "site", "warning"),
    [
        ("", "nobody", "dropped by Millpond as unknown_site; is site the id of"),
        ("/a" * 20, "shop", "lost: the answer was 404; does host lead to Millpond?"),
    ],
)
def test_a_wrong_host_is_named(
    analytics: Analytics, millpond: Millpond, path: str, site: str, warning: str
) -> None:
    analytics.start(f"http://127.0.0.1:{millpond.port}{path}", KEY, site=site)
    analytics.track({"event": "a"}, {"event": "b"})
    analytics.shutdown()

    (warning_line,) = analytics.warnings
    assert warning_line.startswith(f"millpond: 2 events {warning}")


def test_an_unreadable_amount_sends_no_event(
    analytics: Analytics, millpond: Millpond
) -> None:
    bad = {"event": "order_placed", "properties": {"order_id": "1", "total": "12,50"}}

    assert stored_events(analytics, millpond, bad) == []
    assert analytics.warnings == ["millpond: 1 event not sent: total is not an amount"]


def test_wrong_options_are_refused_without_their_values() -> None:
    options = {
        "host": "https://me:hunter-canary-77@shop.example/?a=1",
        "secretKey": "hunter-canary-77 and more",
        "flushAt": 0,
        "flushat": 1,
    }
    # A module that fails to load leaves its process in an undefined state.
    with Analytics() as analytics, pytest.raises(RefusedError) as caught:
        analytics.start_with(options)

    assert [line.split(":")[0].strip() for line in str(caught.value).split("\n")] == [
        "Loaders for module Custom",
        *("host", "site", "secretKey", "flushAt", "flushat"),
    ]
    assert "5 problems" in str(caught.value)
    assert "hunter" not in str(caught.value) + repr(analytics.logged)


_ABANDONED = """
const { default: provider } = require(".");
const logger = { warn() {}, debug() {} };
const options = {
  host: "http://127.0.0.1:9", site: "shop", secretKey: "k", flushIntervalMs: 60000,
};
const service = new provider.services[0]({ logger }, options);
service.track({ event: "a" }).then(() => console.log("tracked"));
"""


def test_a_waiting_event_does_not_keep_the_process_alive() -> None:
    began = time.monotonic()

    assert run("node", "-e", _ABANDONED, folder=built()) == "tracked\n"
    assert time.monotonic() - began < 40
