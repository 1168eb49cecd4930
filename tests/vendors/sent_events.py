"""Sends the visit to a real worker with each client of a protocol in turn.

The tests of each protocol know their event names and dropped events themselves.
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
    """Return the server clients of *protocol*."""
    return [client for client in SERVER_CLIENTS if client.protocol is protocol]


def browsers_of(protocol: Protocol) -> list[Client]:
    """Return the browser clients of *protocol*."""
    return [client for client in BROWSER_CLIENTS if client.protocol is protocol]


def visits_of(clients: Sequence[Client]) -> list[Any]:
    """Return each client with the origin of the page, and with another origin.

    With another origin, only the first client of each driver is not a slow test: the
    requests to another origin differ little by version or setting.
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
    """Run a worker, and check after its end that it wrote no personal data."""
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
    """Send the visit with a server client; return the count of each event."""
    return send(client, f"http://127.0.0.1:{worker.port}/collect")


def send_refused(worker: SharedWorker, client: Client) -> Sent:
    """Send the visit with *client* to a worker that refuses the first request."""
    limit_files(worker.worker, 1)
    with ThreadPoolExecutor(1) as elsewhere:
        sending = elsewhere.submit(send_all, worker, client)
        try:
            let_write_once_refused(worker)
        finally:
            limit_files(worker.worker, resource.RLIM_INFINITY)
        return sending.result()


def let_write_once_refused(worker: SharedWorker) -> None:
    """Let the worker write again after it has refused a request."""
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
    """Send the visit with a browser, to the site's own origin or another.

    *has_arrived* returns whether the events sent so far are stored.
    """

    async def arrived(sent: Sent) -> None:
        await asyncio.to_thread(wait_until, lambda: has_arrived(sent), "the events")

    with Site(worker.port) as site:
        own, another = site.url("/collect"), f"http://collect.example:{worker.port}"
        host = own if origin == "own" else another
        return await visit_in_browser(visitors, site, client, arrived, host=host)
