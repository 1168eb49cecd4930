"""GA4 clients send a visit to a real worker: each event counts once."""

from collections import Counter

import pytest
from playwright.async_api import Browser

from tests.proxy.protocols.replay import SharedWorker, Stored, dropped, stored
from tests.vendors.clients import KEYS, Client, Protocol, Sent
from tests.vendors.sent_events import (
    browsers_of,
    send_all,
    send_in_browser,
    servers_of,
    visits_of,
)
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH

SERVERS, BROWSERS = servers_of(Protocol.GA4), browsers_of(Protocol.GA4)
SITE = {"keys": [KEYS[Protocol.GA4]], "props_allow": ["plan", "note", "password"]}
# The client's name of an event and the canonical name, if they differ.
NAMES = {
    "page_view": "pageview",
    "view_item": "product_viewed",
    "add_to_cart": "cart_updated",
    "begin_checkout": "checkout_started",
    "purchase": "order_placed",
    "refund": "order_refunded",
}


def expected_events(sent: Sent) -> Counter[str]:
    """Return the expected count of each stored event."""
    return Counter({NAMES.get(name, name): count for name, count in sent.items()})


def names(worker: SharedWorker) -> Counter[str]:
    """Return the count of each stored event, without automatic events of a page."""
    got = Counter(event.name for event in stored(worker))
    del got["engagement"]
    return got


def check_figures(worker: SharedWorker, sent: Sent, page: str | None) -> None:
    """Check that the whole visit is stored, with the amounts of its orders."""
    assert names(worker) == expected_events(sent)
    assert Stored("order_placed", page, 5990, "EUR") in stored(worker)
    assert {event.refund_minor for event in worker.spooled.events} == {None, 1500}
    assert dropped(worker) == Counter()


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_server_visit_is_stored_completely(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_all(worker, client)

    check_figures(worker, sent, None)
    assert {event.visitor for event in worker.spooled.events} == {None}
    assert {event.server for event in worker.spooled.events} == {False}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), visits_of(BROWSERS))
async def test_a_browser_visit_is_stored_completely(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> None:
    sent = await send_in_browser(
        visitors,
        worker,
        client,
        origin,
        lambda sent: expected_events(sent) <= names(worker),
    )

    check_figures(worker, sent, CHECKOUT_PATH)
    events = worker.spooled.events
    assert len({event.visitor for event in events}) == 1
    assert {event.path for event in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {event.browser for event in events} == {"Chrome"}
    view = next(event for event in events if event.name == "pageview")
    assert view.utm_source == "newsletter"
