"""Mixpanel's real clients tell a visit to a real worker: each event counts once."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator

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

SERVERS = [each for each in SERVER_CLIENTS if each.protocol is Protocol.MIXPANEL]
BROWSERS = [each for each in BROWSER_CLIENTS if each.protocol is Protocol.MIXPANEL]
# Without a queue a client sends nothing again.
QUEUING = [each for each in BROWSERS if each.options.get("batch_requests", True)]
SITE = {"keys": [KEYS[Protocol.MIXPANEL]], "props_allow": ["plan", "note", "password"]}
# What the client calls an event, and we, where that is something else.
NAMES = {
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
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


def is_identity(name: str) -> bool:
    """Whether what was handed says only who somebody is."""
    return name.startswith(("$", "engage:", "groups:"))


def named(sent: Sent) -> Counter[str]:
    """Return how often each event is to be stored, of what a client was handed."""
    kept = {name: count for name, count in sent.items() if not is_identity(name)}
    return Counter({NAMES.get(name, name): count for name, count in kept.items()})


def check_figures(worker: Lately, sent: Sent, page: str) -> None:
    """See that all of a visit is there once, with the amounts of its orders."""
    got = stored(worker)
    reasons = dropped(worker)

    assert Counter(each.name for each in got) == named(sent)
    assert Stored("order_placed", page, 5990, "EUR") in got
    (refunded,) = {each.refund_minor for each in worker.spooled.events} - {None}
    assert refunded == 1500
    assert reasons.keys() == {("shop", "identity")}
    identities = sum(count for name, count in sent.items() if is_identity(name))
    # What a client sends by itself, and once more as the tab is closed, adds to it.
    assert reasons["shop", "identity"] >= identities


@pytest.mark.parametrize("client", SERVERS, ids=lambda client: client.name)
def test_a_visit_told_by_a_server_is_stored_whole(
    worker: Lately, client: Client
) -> None:
    sent = send(client, f"http://127.0.0.1:{worker.port}/collect")

    check_figures(worker, sent, PRODUCT_PATH)
    events = worker.spooled.events
    assert len(events) == len(stored(worker))
    assert {each.visitor for each in events} == {None}
    assert {each.server for each in events} == {False}
    if client.name == "mixpanel-python":
        assert {each.actor is None for each in events} == {False}


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
            await asyncio.to_thread(wait_for, worker, sent)

        host = own if origin == "own" else another
        sent = await visit_in_browser(visitors, site, client, arrived, host=host)

    check_figures(worker, sent, CHECKOUT_PATH)
    events = worker.spooled.events
    assert len({each.visitor for each in events}) == 1
    assert {each.path for each in events} == {PRODUCT_PATH, CHECKOUT_PATH}
    assert {each.browser for each in events} == {"Chrome"}
    (first,) = [each for each in events if each.name == "Page View"][:1]
    assert (first.utm_source, first.actor) == ("newsletter", None)
    (order,) = {each.actor for each in events if each.name == "order_placed"}
    assert order is not None


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("client", QUEUING, ids=lambda client: client.name)
async def test_what_is_refused_at_first_is_stored_once_all_the_same(
    visitors: Browser, running: WorkerProcess, worker: Lately, client: Client
) -> None:
    limit_files(running, 1)
    refused: list[Sent] = []

    async def arrived(sent: Sent) -> None:
        if not refused:
            await asyncio.to_thread(mend, running)
            refused.append(sent)
        await asyncio.to_thread(wait_for, worker, sent)

    try:
        with Site(worker.port) as site:
            host = site.url("/collect")
            sent = await visit_in_browser(visitors, site, client, arrived, host=host)
    finally:
        limit_files(running, resource.RLIM_INFINITY)

    check_figures(worker, sent, CHECKOUT_PATH)


def mend(running: WorkerProcess) -> None:
    """Let the worker write again, once it has refused something."""
    wait_until(
        lambda: ask(running.port, get("/readyz")).status == 503,
        "the client to be refused",
    )
    limit_files(running, resource.RLIM_INFINITY)


def wait_for(worker: Lately, sent: Sent) -> None:
    """Wait until what was handed over is stored."""
    wait_until(
        lambda: named(sent) <= Counter(each.name for each in stored(worker)),
        "the events",
    )
