"""Real Mixpanel clients send a visit to a real worker: each event counts once."""

import resource
from collections import Counter

import pytest
from playwright.async_api import Browser

from tests.proxy.protocols.replay import SharedWorker, Stored, dropped, stored
from tests.proxy.worker.test_durability import limit_files
from tests.vendors.clients import KEYS, Client, Protocol, Sent
from tests.vendors.sent_events import (
    browsers_of,
    let_write_once_refused,
    send_all,
    send_in_browser,
    servers_of,
    visits_of,
)
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH

SERVERS, BROWSERS = servers_of(Protocol.MIXPANEL), browsers_of(Protocol.MIXPANEL)
# A client without a queue does not retry.
QUEUING = [client for client in BROWSERS if client.options.get("batch_requests", True)]
SITE = {"keys": [KEYS[Protocol.MIXPANEL]], "props_allow": ["plan", "note", "password"]}
# The client's name of an event and the canonical name, if they differ.
NAMES = {
    "Page View": "pageview",
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
}


def is_identity(name: str) -> bool:
    """Return whether an event only identifies a person."""
    return name.startswith(("$", "engage:", "groups:"))


def expected_events(sent: Sent) -> Counter[str]:
    """Return the expected count of each stored event."""
    events = {name: count for name, count in sent.items() if not is_identity(name)}
    return Counter({NAMES.get(name, name): count for name, count in events.items()})


def identities(sent: Sent) -> int:
    """Return the expected count of dropped identity events."""
    return sum(count for name, count in sent.items() if is_identity(name))


def check_figures(worker: SharedWorker, sent: Sent, page: str) -> None:
    """Check that the whole visit is stored once, with the amounts of its orders."""
    got = stored(worker)
    reasons = dropped(worker)

    assert Counter(event.name for event in got) == expected_events(sent)
    assert Stored("order_placed", page, 5990, "EUR") in got
    (refunded,) = {event.refund_minor for event in worker.spooled.events} - {None}
    assert refunded == 1500
    assert reasons.keys() == {("shop", "identity")}
    # Automatic events, and repeats as the tab closes, add to the count.
    assert reasons["shop", "identity"] >= identities(sent)


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_server_visit_is_stored_completely(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_all(worker, client)

    check_figures(worker, sent, PRODUCT_PATH)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {event.visitor for event in events} == {None}
    assert {event.server for event in events} == {False}
    if client.name == "mixpanel-python":
        assert {event.actor is None for event in events} == {False}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), visits_of(BROWSERS))
async def test_a_browser_visit_is_stored_completely(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> None:
    sent = await send_in_browser(
        visitors, worker, client, origin, lambda sent: has_arrived(worker, sent)
    )

    check_figures(worker, sent, CHECKOUT_PATH)
    events = worker.spooled.events
    assert len({event.visitor for event in events}) == 1
    assert {event.path for event in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {event.browser for event in events} == {"Chrome"}
    (first,) = [event for event in events if event.name == "pageview"][:1]
    assert (first.utm_source, first.actor) == ("newsletter", None)
    (order,) = {event.actor for event in events if event.name == "order_placed"}
    assert order is not None


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("client", QUEUING, ids=lambda client: client.name)
async def test_events_refused_at_first_are_stored_once(
    visitors: Browser, worker: SharedWorker, client: Client
) -> None:
    limit_files(worker.worker, 1)
    refused: list[Sent] = []

    def has_arrived_after_refusal(sent: Sent) -> bool:
        if not refused:
            let_write_once_refused(worker)
            refused.append(sent)
        return has_arrived(worker, sent)

    try:
        sent = await send_in_browser(
            visitors, worker, client, "own", has_arrived_after_refusal
        )
    finally:
        limit_files(worker.worker, resource.RLIM_INFINITY)

    check_figures(worker, sent, CHECKOUT_PATH)


def has_arrived(worker: SharedWorker, sent: Sent) -> bool:
    """Return whether all sent events are stored, or counted as dropped."""
    return (
        expected_events(sent) <= Counter(event.name for event in stored(worker))
        and identities(sent) <= dropped(worker)["shop", "identity"]
    )
