"""Segment's real clients tell a visit to a real worker: each event counts once."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_in, spellings
from tests.proxy.protocols.replay import Lately, Stored, dropped, stored
from tests.proxy.raw_http import ask, get
from tests.proxy.test_worker_durability import limit_files
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

SERVERS = [each for each in SERVER_CLIENTS if each.protocol is Protocol.SEGMENT]
BROWSERS = [each for each in BROWSER_CLIENTS if each.protocol is Protocol.SEGMENT]
# Where the settings alone say where to send, a plain page has to be of the same host.
ORIGINS = [
    pytest.param(client, origin, id=f"{client.name}, {origin} origin")
    for client in BROWSERS
    for origin in ("own", "another")
    if origin == "own" or "cdnOnly" not in client.options
]
SITE = {
    "keys": [KEYS[Protocol.SEGMENT]],
    "props_allow": ["plan", "note", "password", "email", "name"],
}
# What the driver calls an event, and we, where that is something else.
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for all clients, and see that it has written of nobody."""
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site=SITE) as worker:
        yield worker
        assert worker.stop() == 0
    written = worker.written().lower()
    found = {
        name
        for name, value in WHO.items()
        for several in spellings(value).values()
        for needle in several
        if needle in written
    }
    assert (found, canaries_in(written)) == (set(), set())


@pytest.fixture
def worker(running: WorkerProcess) -> Lately:
    """Return the worker as if it had just been started."""
    return Lately(running)


def named(sent: Sent) -> Counter[str]:
    """Return how often each event is to be stored, of what a client was handed."""
    plain = {name: name.removeprefix("track:") for name in sent.keys() - IDENTITIES}
    return Counter({NAMES.get(plain[name], plain[name]): sent[name] for name in plain})


def names(worker: Lately) -> Counter[str]:
    """Return how often each event is stored."""
    return Counter(each.name for each in stored(worker))


def check_figures(worker: Lately, sent: Sent, page: str | None) -> None:
    """See that all of a visit is there, with the amounts of its orders."""
    assert names(worker) == named(sent)
    assert Stored("order_placed", page, 5990, "EUR") in stored(worker)
    refunds = [each.refund_minor for each in worker.spooled.events]
    assert [each for each in refunds if each is not None] == [1500]
    # Kept events are told apart by their ids; what is refused counts as often as it
    # comes, and a browser that closes a page may send its last batch again.
    identities = sum(sent[name] for name in IDENTITIES)
    [(where, count)] = dropped(worker).items()
    assert (where, count % identities) == (("shop", "identity"), 0)


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_visit_told_by_a_server_is_stored_whole(
    worker: Lately, client: Client
) -> None:
    sent = send(client, f"http://127.0.0.1:{worker.port}/collect")

    check_figures(worker, sent, PRODUCT_PATH)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {each.visitor for each in events} == {None}


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_what_is_refused_at_first_is_stored_once_all_the_same(
    running: WorkerProcess, worker: Lately, client: Client
) -> None:
    sent = send_to_full(running, worker, client)

    check_figures(worker, sent, PRODUCT_PATH)


def send_to_full(running: WorkerProcess, worker: Lately, client: Client) -> Sent:
    """Let *client* send to a worker that can write nothing until it has refused."""
    limit_files(running, 1)
    with ThreadPoolExecutor(1) as elsewhere:
        host = f"http://127.0.0.1:{worker.port}/collect"
        sending = elsewhere.submit(send, client, host)
        try:
            wait_until(lambda: not is_ready(worker), "the client to be refused")
        finally:
            limit_files(running, resource.RLIM_INFINITY)
        return sending.result()


def is_ready(worker: Lately) -> bool:
    """Whether the worker could keep an event."""
    return ask(worker.port, get("/readyz")).status == 200


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("client", "origin"), ORIGINS)
async def test_a_visit_told_by_a_browser_is_stored_whole(
    visitors: Browser, worker: Lately, client: Client, origin: str
) -> None:
    sent = await visit_from(visitors, worker, client, origin)

    check_figures(worker, sent, CHECKOUT_PATH)
    check_visitor(worker)


async def visit_from(
    visitors: Browser, worker: Lately, client: Client, origin: str
) -> Sent:
    """Let *client* tell the visit of a browser, to the site's own origin or another."""
    with Site(worker.port) as site:
        own, another = site.url("/collect"), f"http://collect.example:{worker.port}/c"

        async def arrived(sent: Sent) -> None:
            await asyncio.to_thread(
                wait_until, lambda: named(sent) <= names(worker), "the events"
            )

        host = own if origin == "own" else another
        return await visit_in_browser(visitors, site, client, arrived, host=host)


def check_visitor(worker: Lately) -> None:
    """See that a browser's visit is one visitor's, and what is known of it."""
    events = worker.spooled.events
    assert len({each.visitor for each in events} - {None}) == 1
    assert {each.path for each in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {each.browser for each in events} == {"Chrome"}
    assert {each.language for each in events} == {"de"}
    (view, *_) = [each for each in events if each.name == "pageview"]
    assert (view.utm_source, view.click_id, view.actor) == ("newsletter", "gclid", None)
    (order,) = [each for each in events if each.name == "order_placed"]
    assert order.actor is not None
