"""Real PostHog clients send a visit to a real worker: each event counts once."""

from collections import Counter

import pytest
from playwright.async_api import Browser

from tests.proxy.protocols.replay import SharedWorker, Stored, dropped, stored
from tests.vendors.clients import KEYS, Client, Protocol, Sent
from tests.vendors.sent_events import (
    browsers_of,
    send_all,
    send_in_browser,
    send_refused,
    servers_of,
    visits_of,
)
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH

SERVERS, BROWSERS = servers_of(Protocol.POSTHOG), browsers_of(Protocol.POSTHOG)
# This client's retry timer does not keep Node alive, so it never retries.
PATIENT = [client for client in SERVERS if client.name != "posthog-node, v1"]
SITE = {"keys": [KEYS[Protocol.POSTHOG]], "props_allow": ["plan", "note", "password"]}
# The client's name of an event and the canonical name, if they differ.
NAMES = {
    "$pageview": "pageview",
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
}
IDENTITIES = {"$identify", "$set", "$create_alias", "$groupidentify"}


def expected_events(sent: Sent) -> Counter[str]:
    """Return the expected count of each stored event."""
    events = {name: sent[name] for name in sent.keys() - IDENTITIES}
    return Counter({NAMES.get(name, name): count for name, count in events.items()})


def names(worker: SharedWorker) -> Counter[str]:
    """Return the count of each stored event, without page leaves."""
    got = Counter(event.name for event in stored(worker))
    del got["engagement"]
    return got


def identities(sent: Sent) -> Counter[tuple[str, str]]:
    """Return the expected count of dropped identity events."""
    return Counter({("shop", "identity"): sum(sent[name] for name in IDENTITIES)})


def have_arrived(worker: SharedWorker, sent: Sent) -> bool:
    """Return whether all sent events are stored, or counted as dropped."""
    return expected_events(sent) <= names(worker) and identities(sent) <= dropped(
        worker
    )


def check_figures(worker: SharedWorker, sent: Sent, page: str | None) -> None:
    """Check that the whole visit is stored, with the amounts of its orders."""
    got = stored(worker)

    assert names(worker) == expected_events(sent)
    assert Stored("order_placed", page, 5990, "EUR") in got
    refunds = {(event.name, event.refund_minor) for event in worker.spooled.events}
    assert ("order_refunded", 1500) in refunds


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_server_visit_is_stored_completely(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_all(worker, client)

    check_figures(worker, sent, None)
    assert dropped(worker) == identities(sent)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {event.visitor for event in events} == {None}
    assert {event.actor is None for event in events} == {False}


@pytest.mark.parametrize("client", PATIENT, ids=lambda client: client.name)
def test_events_refused_at_first_are_stored_once(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_refused(worker, client)

    check_figures(worker, sent, None)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), visits_of(BROWSERS))
async def test_a_browser_visit_is_stored_completely(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> None:
    sent = await send_in_browser(
        visitors, worker, client, origin, lambda sent: have_arrived(worker, sent)
    )

    check_figures(worker, sent, CHECKOUT_PATH)
    # The client repeats requests that got no answer before the page was left.
    assert dropped(worker).keys() == identities(sent).keys()
    assert dropped(worker) >= identities(sent)
    events = worker.spooled.events
    assert len({event.visitor for event in events}) == 1
    assert {event.path for event in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {event.browser for event in events} == {"Chrome"}
    (view, *_) = [event for event in events if event.name == "pageview"]
    assert (view.utm_source, view.actor) == ("newsletter", None)
    orders = [event for event in events if event.name == "order_placed"]
    assert None not in {order.actor for order in orders}
