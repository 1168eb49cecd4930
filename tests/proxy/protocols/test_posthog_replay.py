"""Captured requests of real PostHog clients give each right event once."""

import hashlib
import json
import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.canaries import spellings
from tests.proxy.protocols.redated import ordered_when_captured
from tests.proxy.protocols.replay import (
    UNSEALED,
    CapturedRequest,
    SharedWorker,
    Stored,
    captured,
    dropped,
    replay,
    stored,
    with_bodies,
)
from tests.proxy.transport.raw_http import USER_AGENT, RawResponse, ask, event, get
from tests.proxy.worker.test_durability import limit_files
from tests.proxy.worker_process import WorkerProcess
from tests.waiting import wait_until
from warehouse.schema import Event

SECRET = "phs_of-the-shop"  # noqa: S105 - the test's own
SITE = {
    "keys": ["wire-key-1"],
    "secret_keys": [f"sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}"],
    "props_allow": ["plan", "seats"],
}
PRODUCT, CHECKOUT = "/products/blue-mug", "/checkout"
OTHER, OK = "Batch Item", {"status": "Ok"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Return a worker for one site with its own keys and properties."""
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site=SITE, spool=UNSEALED) as worker:
        yield worker


@pytest.fixture
def worker(running: WorkerProcess) -> SharedWorker:
    """Return the shared worker without the rows of earlier tests."""
    return SharedWorker(running)


def browsers(view: str | None = PRODUCT, leave: str = CHECKOUT) -> list[Stored]:
    """Return the expected events of one visit of a browser client."""
    of_page = [
        Stored("pageview", view, None, None),
        Stored("Signup Clicked", PRODUCT, None, None),
        Stored("order_placed", PRODUCT, 5990, "EUR"),
        *[Stored(OTHER, PRODUCT, None, None)] * 5,
        Stored("Page Left", CHECKOUT, None, None),
        Stored("engagement", leave, None, None),
    ]
    return sorted(of_page, key=str)


def servers(last: str | None = "Page Left") -> list[Stored]:
    """Return the expected events of the calls of a server client."""
    calls = [
        Stored("pageview", PRODUCT, None, None),
        Stored("Signup Clicked", None, None, None),
        Stored("order_placed", None, 5990, "EUR"),
        *[Stored(OTHER, None, None, None)] * 5,
        *([Stored(last, None, None, None)] if last else []),
    ]
    return sorted(calls, key=str)


BROWSERS = [
    pytest.param("default", browsers(leave=PRODUCT), id="1.449"),
    pytest.param("via-site", browsers(leave=PRODUCT), id="1.449 through the site"),
    pytest.param("version-1.200.0", browsers(leave=PRODUCT), id="1.200"),
    pytest.param("version-1.96.1", browsers(), id="1.96"),
]


@pytest.mark.parametrize(("client", "expected"), BROWSERS)
def test_each_browser_event_is_stored_once_even_if_repeated(
    worker: SharedWorker, client: str, expected: list[Stored]
) -> None:
    requests = captured("posthog-js", client)

    answers = replay(worker, requests)
    once = dropped(worker)
    answers += replay(worker, requests)

    assert {answer.status for answer in answers} == {200}
    assert stored(worker) == expected
    assert once == Counter({("shop", "identity"): 2})


def test_uncompressed_and_beacon_requests_give_the_same_events(
    worker: SharedWorker,
) -> None:
    replay(worker, captured("posthog-js", "plain"))

    assert [event.name for event in stored(worker)] == [
        "Page Left",
        "engagement",
        "pageview",
    ]
    (leave,) = [event for event in worker.spooled.events if event.name == "engagement"]
    assert (leave.scroll_pct, leave.engaged_ms, leave.path) == (54, None, PRODUCT)


SERVERS = [
    pytest.param("posthog-node", "v0", servers(), 3, id="Node"),
    pytest.param("posthog-node", "v1", servers(), 3, id="Node, version 1"),
    pytest.param("posthog-python", "v0:", servers(None), 3, id="Python"),
    pytest.param("posthog-python", "v0-gzip", servers(None), 3, id="Python, gzip"),
    pytest.param("posthog-python", "v1", servers(None), 3, id="Python, version 1"),
]


@pytest.mark.parametrize(("file", "mode", "expected", "identities"), SERVERS)
def test_each_server_event_is_stored_once_even_if_repeated(
    worker: SharedWorker,
    file: str,
    mode: str,
    expected: list[Stored],
    identities: int,
) -> None:
    requests = with_bodies(captured(file, mode), ordered_when_captured)

    answers = replay(worker, requests)
    once = dropped(worker)
    answers += replay(worker, requests)

    assert {answer.status for answer in answers} == {200}
    assert stored(worker) == expected
    assert once == Counter({("shop", "identity"): identities})
    events = worker.spooled.events
    assert {(event.visitor, event.server) for event in events} == {(None, False)}
    assert {event.actor is None for event in events} == {False}


def test_the_medusa_provider_sends_carts_and_orders(worker: SharedWorker) -> None:
    (answer,) = replay(worker, captured("posthog-medusa"))

    assert (answer.status, answer.json) == (200, OK)
    assert Counter(event.name for event in stored(worker)) == Counter(
        {"cart_updated": 1, "order_placed": 1, OTHER: 5}
    )
    assert Stored("order_placed", None, 5990, "EUR") in stored(worker)
    assert dropped(worker) == Counter({("shop", "identity"): 2})


def test_a_version_1_replay_gets_a_result_for_each_event(worker: SharedWorker) -> None:
    answers = replay(worker, captured("posthog-node", "v1"))
    results = [
        (result["result"], result.get("details"))
        for answer in answers
        for result in answer.json["results"].values()
    ]

    # The client reported an order of months ago.
    assert Counter(results) == Counter(
        {
            ("ok", None): 8,
            ("warning", "not kept: identity"): 3,
            ("drop", "not kept: too_old"): 1,
        }
    )


def order(worker: SharedWorker) -> Event:
    """Return the stored order event."""
    (got,) = [event for event in worker.spooled.events if event.order_key is not None]
    return got


@pytest.mark.parametrize("client", ["default", "version-1.200.0", "version-1.96.1"])
def test_an_order_is_complete_and_only_identified_customers_are_actors(
    worker: SharedWorker, client: str
) -> None:
    replay(worker, captured("posthog-js", client))
    got, events = order(worker), worker.spooled.events

    assert got.items is not None
    assert [(item.product, item.quantity) for item in got.items] == [
        ("prod-1", 2),
        ("prod-2", 1),
    ]
    assert not got.late
    assert got.utm_source == "newsletter"
    assert (got.screen, got.language) == ("l", "en")
    assert len({event.visitor for event in events}) == 1
    anonymous = {event.name for event in events if event.actor is None}
    assert anonymous == {"pageview", "Signup Clicked"}


def test_allowed_properties_are_stored(worker: SharedWorker) -> None:
    replay(worker, captured("posthog-js", "default"))

    props = {event.props for event in worker.spooled.events}
    assert props == {None, '{"plan":"pro","seats":3}'}


PERSON = [
    *("user-42", "ada@example.com", "Ada Example", "+44 20 7946 0000", "anon-7f3c"),
    *("01a203bb-d1f3-7caa-8a0f-6de6e0f96f9e", "01a203bc-5bd2-7d0c-9b1e-fc95839ffb78"),
    *("01a203b8-abf3-7a8f-8098-a8bdd87adf41", "01a203b8-d27b-780b-a50f-37d67cc7455c"),
    *("01a203bb-d240-75e8-9d1b-1fb521c7eb4f", "org-9", "Example Org", "order-1001"),
    *("s3cr3t", "session=abc", "203.0.113.9", "wire-key-1", "news.example/article"),
    *("posthog-node/5.70.0", "posthog-python/7.91.1", "Chrome/140.0.0.0"),
]
NEEDLES = {
    (who, needle)
    for who in PERSON
    for several in spellings(who).values()
    for needle in several
}
PROXIED = {"client_ip": "xff", "trusted_proxies": ["127.0.0.1"]}


def all_captures() -> list[CapturedRequest]:
    """Return the requests of every client."""
    names = ("posthog-js", "posthog-node", "posthog-python", "posthog-medusa")
    return [capture for name in names for capture in captured(name)]


def test_written_and_returned_bytes_contain_no_personal_data(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site=SITE, proxy=PROXIED) as worker:
        answers = replay(worker, all_captures(), prefix="/collect")
        assert worker.stop() == 0

    # A script contains the requested key.
    returned = b"".join(
        answer.body for answer in answers if b"POSTHOG" not in answer.body
    )
    content = (worker.written() + returned).lower()
    assert {who for who, needle in NEEDLES if needle in content} == set()
    assert set(worker.words) <= {"geo", "listening"}


def with_key(name: str, key: str) -> bytes:
    """Return a request of the Node client with a different key of equal length."""
    (first, *_) = captured("posthog-node", name)
    headers = {
        header: value.replace("wire-key-1", key)
        for header, value in first.headers.items()
    }
    return first._replace(headers=headers).wire()


PLAIN = b'{"api_key":"KEY","event":"Plan Chosen","distinct_id":"u-1"}'


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(event(body=PLAIN, path="/e/"), id="one event"),
        pytest.param(event(body=PLAIN, path="/batch"), id="a server"),
        pytest.param(with_key("v1", "wrong-key"), id="version 1"),
    ],
)
def test_a_wrong_key_is_refused_permanently(
    worker: SharedWorker, request_: bytes
) -> None:
    got = ask(worker.port, request_)

    assert (got.status, got.json["code"]) == (401, "invalid_api_key")
    assert set(dropped(worker)) == {("(unknown)", "unknown_site")}


def test_a_secret_key_identifies_the_site_server(worker: SharedWorker) -> None:
    whom = {"$ip": "203.0.113.9", "$raw_user_agent": USER_AGENT}
    properties = {"$lib": "posthog-node", **whom}
    event_body = {"api_key": SECRET, "event": "Plan Chosen", "properties": properties}
    body = json.dumps(event_body).encode()

    assert ask(worker.port, event(body=body, path="/capture/")).status == 200
    (got,) = worker.spooled.events
    assert got.server
    assert got.visitor is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("POST", "/s/", b'{"api_key":"wire-key-1","event":"$snapshot"}', OK),
        ("POST", "/i/v1/logs?token=wire-key-1", b'{"resourceLogs":[]}', OK),
        ("POST", "/i/v1/metrics?token=wire-key-1", b"not even JSON", OK),
        ("GET", "/api/surveys/?token=wire-key-1", b"", {"surveys": []}),
        (
            "GET",
            "/api/early_access_features/?token=wire-key-1",
            b"",
            {"earlyAccessFeatures": []},
        ),
    ],
)
def test_unsupported_requests_are_answered_and_counted(
    worker: SharedWorker, method: str, path: str, body: bytes, answer: Any
) -> None:
    request_ = event(body=body, path=path) if method == "POST" else get(path)

    got = ask(worker.port, request_)

    assert (got.status, got.json) == (200, answer)
    assert dropped(worker) == Counter({("shop", "automatic"): 1})


def test_an_event_in_the_query_is_stored(worker: SharedWorker) -> None:
    path = "/engage/?data=eyJhcGlfa2V5Ijoid2lyZS1rZXktMSIsImV2ZW50IjoieCJ9"

    assert ask(worker.port, get(path)).json == OK
    assert [event.name for event in stored(worker)] == ["x"]


def test_an_lz64_replay_is_refused(worker: SharedWorker) -> None:
    got = ask(worker.port, event(body=b"data=N4Ig", path="/e/?compression=lz64"))

    assert got.status == 400
    assert "lz64" in got.json["detail"]


def test_unknown_scripts_are_404(worker: SharedWorker) -> None:
    assert ask(worker.port, get("/static/array.js")).status == 404


def preflight(worker: SharedWorker, path: str) -> RawResponse:
    """Return the preflight answer for a page of the site that sends to *path*."""
    lines = ("Origin: http://shop.example:8080", "Access-Control-Request-Method: POST")
    wanted_headers = "Access-Control-Request-Headers: authorization,posthog-attempt"
    return ask(worker.port, get(path, *lines, wanted_headers, method="OPTIONS"))


def test_pages_of_the_site_may_send_and_read_responses(worker: SharedWorker) -> None:
    for path in ("/x/e/", "/i/v1/analytics/events", "/flags/", "/array/k/config"):
        got = preflight(worker, path)

        assert got.status == 204
        assert got.headers["access-control-allow-origin"] == "http://shop.example:8080"
        assert "posthog-attempt" in got.headers["access-control-allow-headers"]
    (config,) = replay(worker, captured("posthog-js", "default")[:1])
    assert config.headers["access-control-allow-origin"].startswith("http://shop")
    assert config.headers["content-type"].startswith("application/javascript")


@pytest.mark.parametrize(
    ("file", "mode"), [("posthog-node", "v1"), ("posthog-js", "p")]
)
def test_a_full_disk_makes_the_client_retry(
    running: WorkerProcess, worker: SharedWorker, file: str, mode: str
) -> None:
    (request_, *_) = [
        capture for capture in captured(file, mode) if capture.method == "POST"
    ]

    limit_files(running, 1)
    (refused,) = replay(worker, [request_])
    limit_files(running, resource.RLIM_INFINITY)
    wait_until(lambda: ask(worker.port, get("/readyz")).status == 200, "the worker")
    (answer,) = replay(worker, [request_])

    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert answer.status == 200
    assert len(worker.spooled.events) == len(stored(worker)) > 0
