"""Real RudderStack clients send a visit to a real worker: each event counts once."""

import pytest
from playwright.async_api import Browser

from tests.proxy.protocols.replay import SharedWorker
from tests.vendors.clients import KEYS, Client, Protocol
from tests.vendors.sent_events import (
    browsers_of,
    send_all,
    send_refused,
    servers_of,
    visits_of,
)
from tests.vendors.test_segment import SITE as SEGMENTS_SITE
from tests.vendors.test_segment import check_figures, check_visitor, visit_from
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH

SERVERS, BROWSERS = servers_of(Protocol.RUDDERSTACK), browsers_of(Protocol.RUDDERSTACK)
SITE = SEGMENTS_SITE


def test_clients_of_both_vendors_name_the_same_site() -> None:
    assert KEYS[Protocol.RUDDERSTACK] == KEYS[Protocol.SEGMENT]


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_server_visit_is_stored_completely(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_all(worker, client)

    check_figures(worker, sent, PRODUCT_PATH)
    assert {event.visitor for event in worker.spooled.events} == {None}


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_events_refused_at_first_are_stored_once(
    worker: SharedWorker, client: Client
) -> None:
    sent = send_refused(worker, client)

    check_figures(worker, sent, PRODUCT_PATH)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), visits_of(BROWSERS))
async def test_a_browser_visit_is_stored_completely(
    visitors: Browser, worker: SharedWorker, client: Client, origin: str
) -> None:
    sent = await visit_from(visitors, worker, client, origin)

    check_figures(worker, sent, CHECKOUT_PATH)
    check_visitor(worker)
