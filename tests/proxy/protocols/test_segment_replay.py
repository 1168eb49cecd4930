"""Captured requests of real Segment clients in a real worker: each event once.

No written byte and no answer contains a person of the captures.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.pipeline.pipeline_setup import SECRET, SECRET_KEY
from tests.proxy.protocols.redated import ordered_when_captured
from tests.proxy.protocols.replay import SharedWorker, Stored, dropped, stored
from tests.proxy.transport.raw_http import USER_AGENT, RawResponse, ask
from tests.proxy.worker_process import WorkerProcess
from tests.vendors.captures import CapturedRequest, captured

PATH = "/products/blue-mug"
SITE = {"keys": ["wire-key-1"], "secret_keys": [SECRET_KEY], "props_allow": ["index"]}
SUCCESS = b'{"success": true}'
ORDER = Stored("order_placed", PATH, 5_990, "EUR")
PERSON = (
    *("ada@example.com", "ada%40example.com", "Ada Example", "+44 20 7946 0000"),
    *("user-42", "anon-7f3c", "org-9", "order-1001", "s3cr3t", "session=abc"),
    *("wire-key-1", "203.0.113.9", "Mozilla/5.0 (", "analytics-node-next"),
    *("analytics-python/", SECRET),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for a site with a public and a secret key."""
    with WorkerProcess(tmp_path_factory.mktemp("worker"), site=SITE) as worker:
        yield worker


@pytest.fixture
def worker(running: WorkerProcess) -> SharedWorker:
    """Return the shared worker without the rows of earlier tests."""
    return SharedWorker(running)


def recorded(client: str, *beginnings: str) -> list[CapturedRequest]:
    """Return the requests of *client* in runs whose names begin with *beginnings*."""
    return [
        request for request in captured(client) if request.name.startswith(beginnings)
    ]


def replay(
    worker: SharedWorker, requests: Sequence[CapturedRequest], **of: Any
) -> list[RawResponse]:
    """Send *requests* in order, and return their answers."""
    return [ask(worker.port, request.raw(**of)) for request in requests]


def visit(
    *, items: int = 1, items_on: str | None = PATH, page_left_count: int = 1
) -> list[Stored]:
    """Return the expected events of the visit of every client, sorted."""
    listed = [
        Stored("pageview", PATH, None, None),
        Stored("Signup Clicked", PATH, None, None),
        ORDER,
        *[Stored("Batch Item", items_on, None, None)] * items,
        *[Stored("Page Left", PATH, None, None)] * page_left_count,
    ]
    return sorted(listed, key=str)


def secrets_of(requests: Sequence[CapturedRequest]) -> set[str]:
    """Return the values of *requests* that must not be stored: persons and ids."""
    values: set[object] = set(PERSON)
    for request in requests:
        values |= {
            request.headers.get("User-Agent"),
            request.headers.get("AnonymousId"),
        }
        for call in calls_of(request):
            context = call.get("context") or {}
            values |= {call.get("messageId"), call.get("anonymousId")}
            values |= {context.get("sessionId"), context.get("userAgent")}
    return {str(value) for value in values - {"", None}}


def calls_of(request: CapturedRequest) -> list[dict[str, Any]]:
    """Return the calls of a captured request."""
    value = json.loads(request.recorded().unpacked or b'{"batch": []}')
    calls: list[dict[str, Any]] = value.get("batch", [value])
    return calls


def check_silent(
    worker: SharedWorker,
    requests: Sequence[CapturedRequest],
    answers: Sequence[RawResponse],
) -> None:
    """Check that written bytes and answers contain no personal data."""
    bodies = [answer.body for answer in answers]
    content = b"\n".join([worker.worker.written(), *bodies]).lower()
    for secret in secrets_of(requests):
        plain = secret.lower().encode()
        coded = base64.b64encode(secret.encode()).lower().rstrip(b"=")[:-1]
        spellings = {plain, plain.hex().encode(), *([coded] if len(plain) > 8 else [])}
        assert [spelling for spelling in spellings if spelling in content] == []


@pytest.mark.parametrize("run", ["default", "cdn", "batching", "version-1.52.0"])
def test_a_browser_visit_is_stored_event_by_event(
    worker: SharedWorker, run: str
) -> None:
    requests = sent_by_browser(run)

    answers = replay(worker, requests, prefix="/collect")

    assert stored(worker) == visit(items=5 if run == "batching" else 1)
    assert dropped(worker) == {("shop", "identity"): 3}
    assert {(answer.status, answer.body) for answer in answers} == {(200, SUCCESS)}
    check_silent(worker, requests, answers)


def sent_by_browser(run: str) -> list[CapturedRequest]:
    """Return the calls of a run, without settings and preflights."""
    requests = recorded("segment-analytics-next", f"{run}:")
    return [request for request in requests if request.method == "POST"]


def test_a_browser_visit_has_its_context_columns(worker: SharedWorker) -> None:
    replay(worker, sent_by_browser("default"))

    events = worker.spooled.events
    assert {event.protocol for event in events} == {"segment"}
    assert len({event.visitor for event in events} - {None}) == 1
    assert len({event.actor for event in events} - {None}) == 1
    assert {event.referrer for event in events} == {"news.example"}
    assert {event.utm_campaign for event in events} == {"spring"}
    assert {event.language for event in events} == {"en"}
    assert not any(event.late for event in events)
    order = next(event for event in events if event.name == "order_placed")
    assert [item.product for item in order.items or ()] == ["prod-1", "prod-2"]
    assert (order.tax_minor, order.shipping_minor) == (500, 490)


def test_settings_and_preflights_allow_pages_of_the_site(
    worker: SharedWorker,
) -> None:
    requests = recorded("segment-analytics-next", "default: /v1", "default: pre")

    first, *rest = replay(worker, requests, host="in.shop.example", prefix="/c")

    assert first.json["integrations"]["Segment.io"] == {
        "apiKey": "wire-key-1",
        "apiHost": "in.shop.example/c/v1",
        "protocol": "https",
    }
    for answer in (first, *rest):
        assert (
            answer.headers["access-control-allow-origin"] == "http://shop.example:45113"
        )
    for answer in rest:
        assert answer.status == 204
        assert "authorization" in answer.headers["access-control-allow-headers"]


def test_repeated_calls_are_counted_once(worker: SharedWorker) -> None:
    requests = recorded("segment-analytics-next", "default: track:Sig")

    replay(worker, requests)
    replay(worker, requests, changes={"x-retry-count": "1"})

    assert len(worker.spooled.events) == 2
    assert stored(worker) == [Stored("Signup Clicked", PATH, None, None)]


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("segment-analytics-node", "retry-after-500:"),
        ("segment-analytics-python", "default:"),
        ("segment-analytics-python", "gzip:"),
    ],
)
def test_server_calls_are_stored_without_a_visitor(
    worker: SharedWorker, name: str, run: str
) -> None:
    requests = recorded(name, run)

    answers = replay(worker, requests)

    # The clients reported an order of months ago.
    assert Counter(stored(worker)) == Counter(
        visit(items=5, items_on=None, page_left_count=0)
    ) - Counter([ORDER])
    assert set(dropped(worker)) == {("shop", "identity"), ("shop", "too_old")}
    assert {(answer.status, answer.body) for answer in answers} == {(200, SUCCESS)}
    assert {event.visitor for event in worker.spooled.events} == {None}
    assert not any(event.server for event in worker.spooled.events)
    check_silent(worker, requests, answers)


def test_a_server_with_a_secret_key_names_a_visitor(
    worker: SharedWorker,
) -> None:
    # The bodies contain the public key too.
    requests = [
        by_server(replace(request, body=ordered_when_captured(request.body)))
        for request in recorded("segment-analytics-python", "def")
    ]

    answers = replay(worker, requests)

    events = worker.spooled.events
    assert stored(worker) == visit(items=5, items_on=None, page_left_count=0)
    assert all(event.server for event in events)
    spoken_for = [event for event in events if event.visitor is not None]
    assert sorted(event.name for event in spoken_for) == [
        "Signup Clicked",
        "order_placed",
        "pageview",
    ]
    assert len({event.visitor for event in spoken_for}) == 1
    assert {event.browser for event in spoken_for} == {"Chrome"}
    check_silent(worker, requests, answers)


def by_server(request: CapturedRequest) -> CapturedRequest:
    """Return *request* with the secret key, and a browser as the User-Agent."""
    headers = {**request.headers, "Authorization": basic(SECRET)}
    body = request.body.replace(b"Mozilla/5.0 (wire)", USER_AGENT.encode())
    return replace(request, headers=headers, body=body)


def basic(key: str) -> str:
    """Return the Basic credential for *key*."""
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


def test_a_wrong_key_gets_an_error_response(tmp_path: Path) -> None:
    requests = recorded("segment-analytics-python", "gzip:")
    with WorkerProcess(tmp_path, site={"keys": ["another"]}) as running:
        worker = SharedWorker(running)
        answers = replay(worker, requests)
        (answer,) = answers

        assert answer.status == 401
        assert answer.json == {
            "success": False,
            "code": "unauthorized",
            "message": "no site has this write key",
        }
        assert set(dropped(worker)) == {("(unknown)", "unknown_site")}
        check_silent(worker, requests, answers)
