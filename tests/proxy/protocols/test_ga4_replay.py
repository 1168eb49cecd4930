"""Captured requests of GA4 clients, replayed to a real worker.

@minimal-analytics/ga4 1.8.7, @analytics-debugger/ga4mp 0.0.8, ga4mp for Python 2.0.4.
"""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.proxy.pipeline.pipeline_setup import SECRET, SECRET_KEY, USER_AGENT
from tests.proxy.protocols.replay import (
    UNSEALED,
    SharedWorker,
    Stored,
    captured,
    dropped,
    replay,
    stored,
)
from tests.proxy.transport.raw_http import ask, get, request
from tests.proxy.worker_process import WorkerProcess

MUG = "/products/blue-mug"
PERSONAL = (
    *("ada@example.com", "ada%40example.com", "203.0.113.9", "user-42", "order-1001"),
    *("7338170320239188", "169636822", "1234567890", "4131958534951473", "s3cr3t"),
    *("wire-key-1", "wire-secret", "G-WIRE1234", "session=abc", "Chrome/140"),
    *("Python-urllib", SECRET),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for the site of the captured property."""
    site = {
        "keys": ["G-WIRE1234", "wire-key-1"],
        "secret_keys": [SECRET_KEY],
        "props_allow": ["plan", "seats", "host", "file"],
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


def stored_event(name: str, path: str | None = MUG, value: int | None = None) -> Stored:
    """Return an expected event of the captures."""
    return Stored(name, path, value, None if value is None else "EUR")


VISIT = [
    stored_event("pageview"),
    stored_event("signup_clicked"),
    stored_event("order_placed", value=5990),
    *[stored_event("batch_item")] * 5,
]


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        pytest.param("ga4-minimal", [*VISIT, stored_event("engagement")], id="minimal"),
        pytest.param("ga4mp-browser", VISIT, id="ga4mp"),
    ],
)
def test_each_browser_event_is_stored_once(
    worker: SharedWorker, client: str, expected: list[Stored]
) -> None:
    answers = replay(worker, captured(client), prefix="/stats")

    assert {(answer.status, answer.body) for answer in answers} == {(204, b"")}
    assert stored(worker) == sorted(expected, key=str)
    assert dropped(worker) == Counter()


def test_a_browser_event_has_its_columns(worker: SharedWorker) -> None:
    replay(worker, [*captured("ga4-minimal"), *captured("ga4mp-browser")])

    events = worker.spooled.events
    view = next(event for event in events if event.name == "pageview")
    assert (view.utm_source, view.referrer) == ("newsletter", "news.example")
    assert (view.language, view.screen, view.protocol) == ("en", "l", "ga4")
    assert view.visitor is not None
    assert {event.server for event in events} == {False}
    assert [event.engaged_ms for event in events if event.name == "engagement"] == [
        4774
    ]
    signups = {event.props for event in events if event.name == "signup_clicked"}
    assert signups == {'{"plan":"pro","seats":3}'}
    minimal, ga4mp = (event for event in events if event.name == "order_placed")
    assert (minimal.actor, ga4mp.actor is None) == (None, False)
    assert minimal.order_key == ga4mp.order_key
    assert ga4mp.items is not None
    assert [
        (item.product, item.quantity, item.price_minor) for item in ga4mp.items
    ] == [
        ("MUG-BLUE", 2, 1500),
        ("TEA-GRN", 1, 2000),
    ]


def test_each_server_event_is_stored_once_without_a_visitor(
    worker: SharedWorker,
) -> None:
    answers = replay(worker, captured("ga4mp-python"))

    assert {answer.status for answer in answers} == {204}
    assert stored(worker) == sorted(
        [
            stored_event("pageview"),
            stored_event("signup_clicked", None),
            stored_event("order_placed", None, 5990),
            *[stored_event("batch_item", None)] * 5,
        ],
        key=str,
    )
    events = worker.spooled.events
    assert {(event.visitor, event.server) for event in events} == {(None, False)}


def test_the_secret_marks_events_as_from_the_site_server(worker: SharedWorker) -> None:
    client_fields = {
        "ip_override": "203.0.113.9",
        "user_agent": USER_AGENT,
        "user_id": "user-42",
    }
    body = json.dumps({**client_fields, "events": [{"name": "a"}]}).encode()
    for secret in (SECRET, "another"):
        path = f"/mp/collect?measurement_id=G-WIRE1234&api_secret={secret}"
        assert ask(worker.port, request("POST", path, body, agent="x")).status == 204

    own, foreign = worker.spooled.events
    assert (own.server, own.visitor is None) == (True, False)
    assert (foreign.server, foreign.visitor) == (False, None)


def test_drops_are_counted_even_with_an_empty_response(
    worker: SharedWorker,
) -> None:
    for query in (
        "tid=G-OTHER&en=a",
        "tid=G-WIRE1234",
        "tid=G-WIRE1234&en=first_visit",
    ):
        assert ask(worker.port, get(f"/g/collect?{query}")).status == 204

    assert worker.spooled.events == []
    assert dropped(worker) == Counter(
        {
            ("(unknown)", "unknown_site"): 1,
            ("shop", "malformed"): 1,
            ("shop", "automatic"): 1,
        }
    )


def test_refused_consent_and_debug_requests_store_nothing(
    worker: SharedWorker,
) -> None:
    query = "tid=G-WIRE1234&gcs=G100&en=page_view&dl=https%3A%2F%2Fshop.example%2F"
    path = "/debug/mp/collect?measurement_id=G-WIRE1234"

    refused = ask(worker.port, get(f"/g/collect?{query}"))
    checked = ask(worker.port, request("POST", path, b'{"events":[{"name":"a"}]}'))

    assert refused.status == 204
    assert (checked.status, checked.json) == (200, {"validationMessages": []})
    assert (worker.spooled.events, worker.spooled.drops) == ([], [])
