"""PostHog's real clients tell a visit to a real worker: each event counts once."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_in, spellings
from tests.proxy.protocols.replay import UNSEALED, Lately, Stored, dropped, stored
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

SERVERS = [each for each in SERVER_CLIENTS if each.protocol is Protocol.POSTHOG]
BROWSERS = [each for each in BROWSER_CLIENTS if each.protocol is Protocol.POSTHOG]
# Node ends while this one waits to send again: its timer does not keep it.
PATIENT = [each for each in SERVERS if each.name != "posthog-node, v1"]
SITE = {"keys": [KEYS[Protocol.POSTHOG]], "props_allow": ["plan", "note", "password"]}
# What the client calls an event, and we, where that is something else.
NAMES = {
    "$pageview": "pageview",
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
}
IDENTITIES = {"$identify", "$set", "$create_alias", "$groupidentify"}


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
    kept = {name: sent[name] for name in sent.keys() - IDENTITIES}
    return Counter({NAMES.get(name, name): count for name, count in kept.items()})


def names(worker: Lately) -> Counter[str]:
    """Return how often each event is stored; leaving a page is no event of its own."""
    got = Counter(each.name for each in stored(worker))
    del got["engagement"]
    return got


def identities(sent: Sent) -> Counter[tuple[str, str]]:
    """Return what is to be refused of what a client was handed."""
    return Counter({("shop", "identity"): sum(sent[name] for name in IDENTITIES)})


def check_figures(worker: Lately, sent: Sent, page: str | None) -> None:
    """See that all of a visit is there, with the amounts of its orders."""
    got = stored(worker)

    assert names(worker) == named(sent)
    assert Stored("order_placed", page, 5990, "EUR") in got
    refunds = {(each.name, each.refund_minor) for each in worker.spooled.events}
    assert ("order_refunded", 1500) in refunds


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_visit_told_by_a_server_is_stored_whole(
    worker: Lately, client: Client
) -> None:
    sent = send(client, f"http://127.0.0.1:{worker.port}/collect")

    check_figures(worker, sent, None)
    assert dropped(worker) == identities(sent)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {each.visitor for each in events} == {None}
    assert {each.actor is None for each in events} == {False}


@pytest.mark.parametrize("client", PATIENT, ids=lambda client: client.name)
def test_what_is_refused_at_first_is_stored_once_all_the_same(
    running: WorkerProcess, worker: Lately, client: Client
) -> None:
    limit_files(running, 1)
    with ThreadPoolExecutor(1) as elsewhere:
        host = f"http://127.0.0.1:{worker.port}/collect"
        sending = elsewhere.submit(send, client, host)
        try:
            wait_until(lambda: not is_ready(worker), "the client to be refused")
        finally:
            limit_files(running, resource.RLIM_INFINITY)
        sent = sending.result()

    check_figures(worker, sent, None)


def is_ready(worker: Lately) -> bool:
    """Whether the worker could keep an event."""
    return ask(worker.port, get("/readyz")).status == 200


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
    # What no answer came for as the page was left is sent again.
    assert dropped(worker).keys() == identities(sent).keys()
    assert dropped(worker) >= identities(sent)
    events = worker.spooled.events
    assert len({each.visitor for each in events}) == 1
    assert {each.path for each in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {each.browser for each in events} == {"Chrome"}
    (view, *_) = [each for each in events if each.name == "pageview"]
    assert (view.utm_source, view.actor) == ("newsletter", None)
    orders = [each for each in events if each.name == "order_placed"]
    assert None not in {each.actor for each in orders}
