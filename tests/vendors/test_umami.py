"""The script and clients of Umami send a visit to a real worker."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.canaries import canaries_under
from tests.proxy.protocols.replay import dropped
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.clients import KEYS, Client, Protocol, Sent, send
from tests.vendors.sent_events import browsers_of, send_in_browser, servers_of
from tests.vendors.test_plausible import PROXY, counted, expected, figures

KEY = KEYS[Protocol.UMAMI]
DIGEST = f"sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"
PROPS = {"props_allow": ["plan", "seats", "note", "email", "name"]}
PUBLIC: Mapping[str, Any] = {"keys": [KEY], **PROPS}
SECRET: Mapping[str, Any] = {"secret_keys": [DIGEST], **PROPS}


def stored(sent: Sent) -> Sent:
    """Return the expected count of each stored event."""
    return expected(Counter({name: sent[name] for name in sent if name != "identify"}))


def check_figures(worker: WorkerProcess) -> None:
    assert figures(worker, "order_placed") == [(5990, None, "EUR")]
    assert figures(worker, "order_refunded") == [(None, 1500, "EUR")]


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("origin", ["own", "another"])
async def test_every_script_event_is_counted_once_without_personal_data(
    visitors: Browser, tmp_path: Path, origin: str
) -> None:
    [client] = browsers_of(Protocol.UMAMI)
    with WorkerProcess(tmp_path, proxy=PROXY, site=PUBLIC) as worker:
        sent = await send_in_browser(
            visitors,
            worker,
            client,
            origin,
            lambda sent: stored(sent) <= counted(worker),
        )

        # The driver sends a page view for each page it opens.
        assert counted(worker) == stored(sent)
        check_figures(worker)
        assert len({event.visitor for event in worker.spooled.events}) == 1
        assert dropped(worker) == {("shop", "identity"): sent["identify"]}
    assert canaries_under(tmp_path) == set()


@pytest.mark.parametrize(
    ("site", "server"),
    [
        pytest.param(SECRET, True, id="with the secret key"),
        pytest.param(PUBLIC, False, id="with the website id"),
    ],
)
@pytest.mark.parametrize(
    "client",
    servers_of(Protocol.UMAMI),
    ids=lambda client: client.name,
)
def test_every_server_event_is_counted_once_without_personal_data(
    tmp_path: Path, client: Client, site: Mapping[str, Any], *, server: bool
) -> None:
    with WorkerProcess(tmp_path, site=site) as worker:
        sent = send(client, f"http://127.0.0.1:{worker.port}/collect")
        events = worker.spooled.events
        drops = dropped(worker)

        if client.name == "umami-node" and not server:
            # The worker sees only its User-Agent, which is not that of a browser.
            assert events == []
            assert drops["shop", "bot"] == stored(sent).total()
        else:
            assert counted(worker) == stored(sent)
            check_figures(worker)
            assert {(event.visitor, event.server) for event in events} == {
                (None, server)
            }
        assert drops["shop", "identity"] == sent["identify"]
    assert canaries_under(tmp_path) == set()
