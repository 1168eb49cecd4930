"""RudderStack's real clients tell a visit to a real worker: each event counts once."""

import pytest
from playwright.async_api import Browser

from tests.proxy.protocols.replay import Lately
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.clients import (
    BROWSER_CLIENTS,
    KEYS,
    SERVER_CLIENTS,
    Client,
    Protocol,
    send,
)
from tests.vendors.test_segment import (
    check_figures,
    check_visitor,
    running,
    send_to_full,
    visit_from,
    worker,
)
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH

__all__ = ["running", "worker"]

SERVERS = [each for each in SERVER_CLIENTS if each.protocol is Protocol.RUDDERSTACK]
BROWSERS = [each for each in BROWSER_CLIENTS if each.protocol is Protocol.RUDDERSTACK]


def test_both_vendors_clients_name_the_same_site() -> None:
    assert KEYS[Protocol.RUDDERSTACK] == KEYS[Protocol.SEGMENT]


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_visit_told_by_a_server_is_stored_whole(
    worker: Lately, client: Client
) -> None:
    sent = send(client, f"http://127.0.0.1:{worker.port}/collect")

    check_figures(worker, sent, PRODUCT_PATH)
    assert {each.visitor for each in worker.spooled.events} == {None}


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_what_is_refused_at_first_is_stored_once_all_the_same(
    running: WorkerProcess, worker: Lately, client: Client
) -> None:
    sent = send_to_full(running, worker, client)

    check_figures(worker, sent, PRODUCT_PATH)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("origin", ["own", "another"])
@pytest.mark.parametrize("client", BROWSERS, ids=lambda client: client.name)
async def test_a_visit_told_by_a_browser_is_stored_whole(
    visitors: Browser, worker: Lately, client: Client, origin: str
) -> None:
    sent = await visit_from(visitors, worker, client, origin)

    check_figures(worker, sent, CHECKOUT_PATH)
    check_visitor(worker)
