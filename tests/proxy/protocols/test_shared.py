"""On paths that two vendors share, each request is decoded by its own protocol."""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from proxy.protocols import shared
from proxy.protocols.protocol import DecodedRequest, Reply
from proxy.protocols.registry import PROTOCOLS
from tests.proxy.protocols.replay import CapturedRequest, captured, dropped, replay
from tests.proxy.protocols.vendor_requests import vendor_request
from tests.proxy.transport.raw_http import USER_AGENT
from tests.proxy.worker_process import WorkerProcess

READERS = {route.path: route.read for route in shared.PROTOCOL.routes}
MIXPANEL = {"event": "a", "properties": {"token": "pk-1", "distinct_id": "$device:7"}}
POSTHOG = {
    "event": "a",
    "properties": {"token": "pk-1", "distinct_id": "7"},
    "uuid": "1",
}


def form(value: object) -> bytes:
    """Return a form with *value* in base64, the format of both vendors."""
    return b"data=" + quote(base64.b64encode(json.dumps(value).encode())).encode()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(MIXPANEL, "mixpanel", id="Mixpanel's"),
        pytest.param([MIXPANEL, POSTHOG], "mixpanel", id="the first decides"),
        pytest.param(POSTHOG, "posthog", id="PostHog's"),
        pytest.param([POSTHOG], "posthog", id="PostHog's array"),
        pytest.param({"api_key": "pk-1", "batch": [MIXPANEL]}, "posthog", id="batch"),
        pytest.param({"$token": "pk-1", "$set": {}}, "mixpanel", id="profile"),
        pytest.param(7, "mixpanel", id="nobody's"),
    ],
)
@pytest.mark.parametrize("path", ["/track", "/engage"])
def test_the_shape_of_the_body_decides_the_vendor(
    path: str, event: Any, expected: str
) -> None:
    data = quote(base64.b64encode(json.dumps(event).encode()))
    ways = [
        vendor_request(body=form(event)),
        vendor_request(body=json.dumps([event] if event == 7 else event).encode()),
        vendor_request(body=b"", method="GET", query=f"data={data}"),
    ]

    results = [READERS[path](request) for request in ways]

    assert [
        result.protocol for result in results if isinstance(result, DecodedRequest)
    ] == [expected] * 3


def test_an_unreadable_body_is_refused_in_the_format_of_mixpanel() -> None:
    got = READERS["/track"](vendor_request(body=b"{", query="verbose=1"))

    assert isinstance(got, Reply)
    assert (got.status, json.loads(got.body)["status"]) == (400, 0)


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        pytest.param("GET", {}, {"code": 200, "flags": {}}, id="Mixpanel asks"),
        pytest.param(
            "POST",
            {"Authorization": "Basic cGstMTo="},
            {"code": 200, "flags": {}},
            id="Mixpanel asks with a body",
        ),
        pytest.param("POST", {}, {"featureFlags": {}, "flags": {}}, id="PostHog asks"),
    ],
)
def test_each_vendor_gets_its_own_response_without_flags(
    method: str, headers: dict[str, str], expected: dict[str, object]
) -> None:
    got = READERS["/flags"](
        vendor_request(body=b"\xff", method=method, headers=headers)
    )

    assert isinstance(got, Reply)
    assert json.loads(got.body).items() >= expected.items()


def test_every_path_has_one_route() -> None:
    routes = Counter(
        (route.path, method)
        for protocol in PROTOCOLS
        for route in protocol.routes
        for method in route.methods
    )

    assert [path for path, count in routes.items() if count > 1] == []
    assert [path for path, _ in routes if path.endswith("/")] == []


def test_one_worker_accepts_both_vendors_on_one_path(tmp_path: Path) -> None:
    browser = {"User-Agent": USER_AGENT, "Origin": "http://shop.example"}
    # Early PostHog clients sent to /track the requests of the later /e.
    page = {
        "$current_url": "http://shop.example/a",
        "$lib": "web",
        "token": "wire-key-1",
    }
    view = {"event": "$pageview", "distinct_id": "7", "uuid": "1", "properties": page}
    old = CapturedRequest(
        "old", "POST", "/track/", "compression=base64", browser, form(view)
    )

    with WorkerProcess(tmp_path, site={"keys": ["wire-key-1"]}) as worker:
        answers = replay(worker, [*captured("mixpanel-browser", "default"), old])
        events, drops = worker.spooled.events, worker.spooled.drops
        counts = dropped(worker)

    assert {answer.status for answer in answers} == {200}
    assert Counter((event.protocol, event.name) for event in events) == Counter(
        {
            ("mixpanel", "pageview"): 1,
            ("mixpanel", "Signup Clicked"): 1,
            ("mixpanel", "Batch Item"): 5,
            ("mixpanel", "order_placed"): 1,
            ("mixpanel", "Page Left"): 1,
            ("posthog", "pageview"): 1,
        }
    )
    assert {drop.protocol for drop in drops} == {"mixpanel"}
    assert counts == Counter({("shop", "identity"): 5})
