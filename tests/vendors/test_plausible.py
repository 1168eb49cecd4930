"""The trackers of Plausible in a real browser send a visit to a real worker."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_under
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.clients import BY_ITSELF, Client, Protocol, Sent
from tests.vendors.sent_events import browsers_of, send_in_browser

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The stored names of the events of the visit.
CANONICAL = {
    "Product Viewed": "product_viewed",
    "Product Added": "cart_updated",
    "Checkout Started": "checkout_started",
    "Order Completed": "order_placed",
    "Order Refunded": "order_refunded",
}
# The worker accepts a forwarded address only from the site server.
PROXY = {"client_ip": "xff", "trusted_proxies": ["127.0.0.1"], "private_clients": True}
SITE: dict[str, Any] = {"props_allow": ["plan", "seats", "note", "email"]}


def expected(sent: Sent) -> Sent:
    """Return the expected count of each stored event."""
    names: Sent = Counter()
    for name, count in sent.items():
        names[CANONICAL.get(name, name)] += count
    return names


def counted(worker: WorkerProcess) -> Sent:
    """Return the count of each stored event."""
    return Counter(event.name for event in worker.spooled.events)


def has_arrived(worker: WorkerProcess, sent: Sent) -> bool:
    """Return whether all sent events are stored."""
    return expected(sent) <= counted(worker)


def figures(worker: WorkerProcess, name: str) -> list[tuple[object, ...]]:
    """Return the amounts of the events with *name*, in minor units."""
    return [
        (event.value_minor, event.refund_minor, event.currency)
        for event in worker.spooled.events
        if event.name == name
    ]


@pytest.mark.parametrize(
    "client",
    browsers_of(Protocol.PLAUSIBLE),
    ids=lambda client: client.name,
)
@pytest.mark.parametrize("origin", ["own", "another"])
async def test_every_event_is_counted_once_without_personal_data(
    visitors: Browser, tmp_path: Path, client: Client, origin: str
) -> None:
    with WorkerProcess(tmp_path, proxy=PROXY, site=SITE) as worker:
        sent = await send_in_browser(
            visitors, worker, client, origin, lambda sent: has_arrived(worker, sent)
        )

        got = counted(worker)
        by_itself = BY_ITSELF[Protocol.PLAUSIBLE]
        assert {name: got[name] for name in got.keys() - by_itself} == expected(sent)
        assert figures(worker, "order_placed") == [(5990, None, "EUR")]
        assert figures(worker, "order_refunded") == [(None, 1500, "EUR")]
        assert len({event.visitor for event in worker.spooled.events}) == 1
        assert worker.spooled.drops == []
    assert canaries_under(tmp_path) == set()
