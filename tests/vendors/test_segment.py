"""Real Segment clients send a visit to a real worker: each event counts once."""

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

SERVERS, BROWSERS = servers_of(Protocol.SEGMENT), browsers_of(Protocol.SEGMENT)
# If only the settings name the collector, a plain page must be on the same host.
ORIGINS = [
    visit
    for visit in visits_of(BROWSERS)
    if "own" in visit.values or "cdnOnly" not in visit.values[0].options
]
SITE = {
    "keys": [KEYS[Protocol.SEGMENT]],
    "props_allow": ["plan", "note", "password", "email", "name"],
}
# The driver's name of an event and the canonical name, if they differ.
NAMES = {
    "page:Blue Mug": "pageview",
    "screen:Cart": "screen",
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
}
IDENTITIES = {"identify", "alias", "group"}


def expected_events(sent: Sent) -> Counter[str]:
    """Return the expected count of each stored event."""
    plain = {name: name.removeprefix("track:") for name in sent.keys() - IDENTITIES}
    return Counter({NAMES.get(plain[name], plain[name]): sent[name] for name in plain})


def names(worker: SharedWorker) -> Counter[str]:
    """Return the count of each stored event."""
    return Counter(event.name for event in stored(worker))


def have_arrived(worker: SharedWorker, sent: Sent) -> bool:
    """Return whether all sent events are stored, or counted as dropped."""
    identities = sum(sent[name] for name in IDENTITIES)
    has_events = expected_events(sent) <= names(worker)
    return has_events and dropped(worker)["shop", "identity"] >= identities


def check_figures(worker: SharedWorker, sent: Sent, page: str | None) -> None:
    """Check that the whole visit is stored, with the amounts of its orders."""
    assert names(worker) == expected_events(sent)
    assert Stored("order_placed", page, 5990, "EUR") in stored(worker)
    refunds = [event.refund_minor for event in worker.spooled.events]
    assert [refund for refund in refunds if refund is not None] == [1500]
    # Stored events are distinct by id, but drops count each time. A browser that
    # closes a page may repeat its last batch, with any part of the identity calls.
    assert dropped(worker).keys() == {("shop", "identity")}
    assert have_arrived(worker, sent)


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_server_visit_is_stored_completely(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_all(worker, client)

    check_figures(worker, sent, PRODUCT_PATH)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {event.visitor for event in events} == {None}


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_events_refused_at_first_are_stored_once(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_refused(worker, client)

    check_figures(worker, sent, PRODUCT_PATH)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), ORIGINS)
async def test_a_browser_visit_is_stored_completely(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> None:
    sent = await visit_from(visitors, worker, client, origin)

    check_figures(worker, sent, CHECKOUT_PATH)
    check_visitor(worker)


async def visit_from(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> Sent:
    """Send the visit with a browser, and wait until each step is stored."""
    return await send_in_browser(
        visitors, worker, client, origin, lambda sent: have_arrived(worker, sent)
    )


def check_visitor(worker: SharedWorker) -> None:
    """Check that a browser visit has one visitor and the right columns."""
    events = worker.spooled.events
    assert len({event.visitor for event in events} - {None}) == 1
    assert {event.path for event in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {event.browser for event in events} == {"Chrome"}
    assert {event.language for event in events} == {"de"}
    (view, *_) = [event for event in events if event.name == "pageview"]
    assert (view.utm_source, view.click_id, view.actor) == ("newsletter", "gclid", None)
    (order,) = [event for event in events if event.name == "order_placed"]
    assert order.actor is not None
