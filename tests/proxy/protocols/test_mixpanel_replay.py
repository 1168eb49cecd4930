"""Captured requests of real Mixpanel clients, replayed to a real worker.

Browser 2.83.0 and 2.45.0 in every transport, Node 0.24.0, Python 5.4.1.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.proxy.pipeline.pipeline_setup import SECRET, SECRET_KEY, USER_AGENT
from tests.proxy.protocols.redated import occurred_at
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
from tests.proxy.transport.raw_http import RawResponse, ask, request
from tests.proxy.worker_process import WorkerProcess
from warehouse.schema import Event

MUG, CHECKOUT = "/products/blue-mug", "/checkout"
PAGEVIEW = Stored("pageview", MUG, None, None)
SIGNUP = Stored("Signup Clicked", MUG, None, None)
ITEM = Stored("Batch Item", MUG, None, None)
ORDER = Stored("order_placed", MUG, 5990, "EUR")
LEFT = Stored("Page Left", CHECKOUT, None, None)
SESSION = [PAGEVIEW, SIGNUP, *[ITEM] * 5, ORDER, LEFT]
# Personal values that must not be written or returned.
PERSONAL = (
    *("ada@example.com", "ada%40example.com", "Ada Example", "203.0.113.9"),
    *("user-42", "org-9", "anon-7f3c", "order-1001", "wire-key-1", "s3cr3t"),
    *("$device:", "session=abc", "Chrome/140", "python-requests", "ins-1001"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for the site of the captured token."""
    site = {
        "keys": ["wire-key-1"],
        "secret_keys": [SECRET_KEY],
        "props_allow": ["plan", "seats", "index"],
    }
    folder = tmp_path_factory.mktemp("worker")
    with WorkerProcess(folder, site=site, spool=UNSEALED) as worker:
        yield worker
        assert worker.stop() == 0
    written = worker.written()
    assert [value for value in PERSONAL if value.encode() in written] == []


@pytest.fixture
def worker(running: WorkerProcess) -> SharedWorker:
    """Return the shared worker without the rows of earlier tests."""
    return SharedWorker(running)


def check_nothing_personal(answers: list[RawResponse]) -> None:
    """Check that no answer contains a person of the captures."""
    content = b"\n".join(answer.body for answer in answers)
    assert [value for value in PERSONAL if value.encode() in content] == []


def by_name(worker: SharedWorker) -> dict[str, list[Event]]:
    """Return the stored events by name."""
    events: dict[str, list[Event]] = {}
    for event in worker.spooled.events:
        events.setdefault(event.name, []).append(event)
    return events


@pytest.mark.parametrize(
    ("scenario", "expected", "identities"),
    [
        pytest.param("default", SESSION, 5, id="base64 in a form"),
        pytest.param("json", SESSION, 5, id="JSON in a form"),
        pytest.param("get", SESSION, 5, id="GET"),
        pytest.param("beacon", SESSION, 5, id="beacon"),
        pytest.param(
            "queue-revisit",
            [*SESSION, PAGEVIEW],
            5,
            id="queue sent again",
        ),
        pytest.param("version-2.45.0", SESSION[1:], 4, id="2.45"),
    ],
)
def test_each_browser_event_is_stored_once(
    worker: SharedWorker, scenario: str, expected: list[Stored], identities: int
) -> None:
    requests = captured("mixpanel-browser", scenario)

    answers = replay(worker, requests)

    assert stored(worker) == sorted(expected, key=str)
    assert dropped(worker) == Counter({("shop", "identity"): identities})
    for sent_request, answer in zip(requests, answers, strict=True):
        value = json.loads(answer.body)
        is_verbose = "verbose=1" in sent_request.query
        assert answer.status == 200
        assert value == ({"status": 1, "error": None} if is_verbose else 1)
    check_nothing_personal(answers)


def test_a_browser_event_has_visitor_campaign_and_time(worker: SharedWorker) -> None:
    replay(worker, captured("mixpanel-browser", "default"))

    view = by_name(worker)["pageview"][0]
    order = by_name(worker)["order_placed"][0]
    assert (view.utm_source, view.referrer) == ("newsletter", "news.example")
    assert (view.browser, view.screen, view.protocol) == ("Chrome", "l", "mixpanel")
    assert view.visitor is not None
    assert (view.actor, order.actor is None) == (None, False)
    assert view.late is False
    assert view.server is False
    assert order.items is not None
    assert [item.product for item in order.items] == ["prod-1", "prod-2"]
    assert by_name(worker)["Page Left"][0].utm_source == "newsletter"


@pytest.mark.parametrize(
    ("client", "expected", "identities"),
    [
        pytest.param(
            "mixpanel-node",
            ["pageview", "Signup Clicked", *["Batch Item"] * 5, "order_placed"],
            4,
            id="Node",
        ),
        pytest.param(
            "mixpanel-python",
            [
                *("pageview", "Signup Clicked", *["Batch Item"] * 5),
                *("order_placed", "Imported Item"),
            ],
            2,
            id="Python",
        ),
    ],
)
def test_each_server_event_is_stored_once_without_a_visitor(
    worker: SharedWorker, client: str, expected: list[str], identities: int
) -> None:
    at = int(time.time()) - 60  # noqa: TID251 - the worker has the machine's clock
    requests = with_bodies(captured(client), lambda text: occurred_at(text, at))

    answers = replay(worker, requests)

    events = worker.spooled.events
    assert sorted(event.name for event in events) == sorted(expected)
    assert min(event.at for event in events) == at
    assert dropped(worker) == Counter({("shop", "identity"): identities})
    assert {answer.body for answer in answers} == {b'{"status":1,"error":null}'}
    assert {(event.visitor, event.server) for event in events} == {(None, False)}
    assert all(event.actor for event in events)
    (order,) = by_name(worker)["order_placed"]
    assert (order.value_minor, order.tax_minor, order.shipping_minor) == (
        *(5990, 500, 490),
    )
    check_nothing_personal(answers)


def test_a_secret_key_marks_events_as_from_the_site_server(
    worker: SharedWorker,
) -> None:
    client_fields = {"distinct_id": "", "ip": "203.0.113.9", "$user_agent": USER_AGENT}
    body = json.dumps(
        [
            {"event": "a", "properties": {"token": SECRET, **client_fields}},
            {"event": "b", "properties": {"token": SECRET}},
        ]
    ).encode()

    answer = ask(worker.port, request("POST", "/stats/import", body, agent="curl/8"))

    assert answer.json == {"code": 200, "num_records_imported": 2, "status": "OK"}
    events = by_name(worker)
    assert events["a"][0].visitor is not None
    assert events["b"][0].visitor is None
    assert {events["a"][0].server, events["b"][0].server} == {True}
    check_nothing_personal([answer])


def test_a_wrong_token_gets_an_error_response(worker: SharedWorker) -> None:
    requests = [
        CapturedRequest(
            capture.name,
            capture.method,
            capture.path,
            capture.query,
            capture.headers,
            capture.body.replace(b"wire-key-1", b"wire-key-2"),
        )
        for capture in captured("mixpanel-python", "default")[:1]
    ]

    (answer,) = replay(worker, requests)

    assert (answer.status, answer.json["status"]) == (401, 0)
    assert "token" in answer.json["error"]
    assert worker.spooled.events == []
    assert dropped(worker) == Counter({("(unknown)", "unknown_site"): 1})
