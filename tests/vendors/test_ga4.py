"""Clients of GA4's dialects tell a visit to a real worker: each event counts once."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_in, spellings
from tests.proxy.protocols.replay import UNSEALED, Lately, Stored, dropped, stored
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.browser_visit import visit_in_browser
from tests.vendors.clients import (
    BROWSER_CLIENTS,
    KEYS,
    SERVER_CLIENTS,
    Client,
    Protocol,
    Sent,
    send,
)
from tests.vendors.site import Site
from tests.vendors.visit import CHECKOUT_PATH, PRODUCT_PATH, WHO
from tests.waiting import wait_until

SERVERS = [each for each in SERVER_CLIENTS if each.protocol is Protocol.GA4]
BROWSERS = [each for each in BROWSER_CLIENTS if each.protocol is Protocol.GA4]
SITE = {"keys": [KEYS[Protocol.GA4]], "props_allow": ["plan", "note", "password"]}
# What the client calls an event, and we, where that is something else.
NAMES = {
    "page_view": "pageview",
    "view_item": "product_viewed",
    "add_to_cart": "cart_updated",
    "begin_checkout": "checkout_started",
    "purchase": "order_placed",
    "refund": "order_refunded",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for all clients, and see that it has written of nobody."""
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site=SITE, spool=UNSEALED) as worker:
        yield worker
        assert worker.stop() == 0
    written = worker.written()
    found = {
        name
        for name, value in WHO.items()
        for several in spellings(value).values()
        for needle in several
        if needle in written.lower()
    }
    assert (found, canaries_in(written)) == (set(), set())


@pytest.fixture
def worker(running: WorkerProcess) -> Lately:
    """Return the worker as if it had just been started."""
    return Lately(running)


def named(sent: Sent) -> Counter[str]:
    """Return how often each event is to be stored, of what a client was handed."""
    return Counter({NAMES.get(name, name): count for name, count in sent.items()})


def names(worker: Lately) -> Counter[str]:
    """Return how often each event is stored, without what a page reports by itself."""
    got = Counter(each.name for each in stored(worker))
    del got["engagement"]
    return got


def check_figures(worker: Lately, sent: Sent, page: str | None) -> None:
    """See that all of a visit is there, with the amounts of its orders."""
    assert names(worker) == named(sent)
    assert Stored("order_placed", page, 5990, "EUR") in stored(worker)
    assert {each.refund_minor for each in worker.spooled.events} == {None, 1500}
    assert dropped(worker) == Counter()


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_visit_told_by_a_server_is_stored_whole(
    worker: Lately, client: Client
) -> None:
    sent = send(client, f"http://127.0.0.1:{worker.port}/collect")

    check_figures(worker, sent, None)
    assert {each.visitor for each in worker.spooled.events} == {None}
    assert {each.server for each in worker.spooled.events} == {False}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("origin", ["own", "another"])
@pytest.mark.parametrize("client", BROWSERS, ids=lambda client: client.name)
async def test_a_visit_told_by_a_browser_is_stored_whole(
    visitors: Browser, worker: Lately, client: Client, origin: str
) -> None:
    with Site(worker.port) as site:
        own, another = site.url("/collect"), f"http://collect.example:{worker.port}"

        async def arrived(sent: Sent) -> None:
            await asyncio.to_thread(
                wait_until, lambda: named(sent) <= names(worker), "the events"
            )

        host = own if origin == "own" else another
        sent = await visit_in_browser(visitors, site, client, arrived, host=host)

    check_figures(worker, sent, CHECKOUT_PATH)
    events = worker.spooled.events
    assert len({each.visitor for each in events}) == 1
    assert {each.path for each in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {each.browser for each in events} == {"Chrome"}
    view = next(each for each in events if each.name == "pageview")
    assert view.utm_source == "newsletter"
