"""A visit told to a real worker: one for all clients of a protocol, by each in turn.

What every protocol's tests share is here; what an event is called, and what is refused,
each knows itself.
"""

import asyncio
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_in, spellings
from tests.proxy.protocols.replay import UNSEALED, SharedWorker, Worker
from tests.proxy.transport.raw_http import ask, get
from tests.proxy.worker.test_durability import limit_files
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.browser_visit import visit_in_browser
from tests.vendors.clients import (
    BROWSER_CLIENTS,
    SERVER_CLIENTS,
    Client,
    Protocol,
    Sent,
    send,
)
from tests.vendors.shop_site import Site
from tests.vendors.visit import PERSON
from tests.waiting import wait_until


def servers_of(protocol: Protocol) -> list[Client]:
    """Return the clients of servers that speak *protocol*."""
    return [client for client in SERVER_CLIENTS if client.protocol is protocol]


def browsers_of(protocol: Protocol) -> list[Client]:
    """Return the clients of browsers that speak *protocol*."""
    return [client for client in BROWSER_CLIENTS if client.protocol is protocol]


def visits_of(clients: Sequence[Client]) -> list[Any]:
    """Return each client with the page's own origin, and with another.

    On another only the first of each driver is no slow test: what a browser asks of
    another origin differs little by version or setting.
    """
    first = {client.driver: client for client in reversed(clients)}.values()
    return [
        pytest.param(
            client,
            origin,
            id=f"{client.name}, {origin} origin",
            marks=() if origin == "own" or client in first else pytest.mark.slow,
        )
        for client in clients
        for origin in ("own", "another")
    ]


@contextmanager
def silent_worker(folder: Path, site: Mapping[str, Any]) -> Iterator[WorkerProcess]:
    """Run a worker, and see when it has ended that it has written of nobody."""
    with WorkerProcess(folder, site=site, spool=UNSEALED) as worker:
        yield worker
        assert worker.stop() == 0
    written = worker.written().lower()
    secrets = {
        name
        for name, value in PERSON.items()
        for several in spellings(value).values()
        for needle in several
        if needle in written
    }
    assert (secrets, canaries_in(written)) == (set(), set())


def send_all(worker: SharedWorker, client: Client) -> Sent:
    """Let a client of a server tell its visit; return what it was handed."""
    return send(client, f"http://127.0.0.1:{worker.port}/collect")


def send_refused(worker: SharedWorker, client: Client) -> Sent:
    """Let *client* tell a worker that can write nothing until it has refused."""
    limit_files(worker.worker, 1)
    with ThreadPoolExecutor(1) as elsewhere:
        sending = elsewhere.submit(send_all, worker, client)
        try:
            let_write_once_refused(worker)
        finally:
            limit_files(worker.worker, resource.RLIM_INFINITY)
        return sending.result()


def let_write_once_refused(worker: SharedWorker) -> None:
    """Let the worker write again, once it has refused something."""
    wait_until(
        lambda: ask(worker.port, get("/readyz")).status == 503,
        "the client to be refused",
    )
    limit_files(worker.worker, resource.RLIM_INFINITY)


async def send_in_browser(
    visitors: Browser,
    worker: Worker,
    client: Client,
    origin: str,
    has_arrived: Callable[[Sent], bool],
) -> Sent:
    """Let a browser tell its visit, to the site's own origin or another.

    *has_come* says whether what was handed over so far is stored.
    """

    async def arrived(sent: Sent) -> None:
        await asyncio.to_thread(wait_until, lambda: has_arrived(sent), "the events")

    with Site(worker.port) as site:
        own, another = site.url("/collect"), f"http://collect.example:{worker.port}"
        host = own if origin == "own" else another
        return await visit_in_browser(visitors, site, client, arrived, host=host)
