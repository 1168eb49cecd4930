"""The paths of RudderStack, and captured visits of its clients: each event once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import MalformedBodyError, VendorHit
from proxy.protocols import rudderstack
from proxy.protocols.native import PIXEL
from proxy.protocols.protocol import DecodedRequest, Reply
from tests.proxy.protocols.redated import ordered_when_captured
from tests.proxy.protocols.replay import SharedWorker, Stored, dropped, stored
from tests.proxy.protocols.test_segment import BASIC, KEY, TRACK, URL, ask, hit
from tests.proxy.protocols.test_segment_replay import (
    PATH,
    SITE,
    SUCCESS,
    check_silent,
    recorded,
    replay,
    visit,
)
from tests.proxy.worker_process import WorkerProcess

PROTOCOL = rudderstack.PROTOCOL


def pixel(kind: str, **fields: str) -> VendorHit:
    """Return the hit of a pixel with *fields*, whose names have __ instead of dots."""
    query = urlencode({name.replace("__", "."): fields[name] for name in fields})
    path = f"/pixel/v1/{kind}"
    decoded = ask(PROTOCOL, path, method="GET", query=query, Referer=URL)
    assert isinstance(decoded, DecodedRequest)
    (got,) = decoded.hits
    assert isinstance(got, VendorHit)
    return got


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("p=npm&writeKey=wire-key-1", {}, id="in the query"),
        pytest.param("p=npm", {"Authorization": BASIC}, id="as Basic"),
    ],
)
def test_the_configuration_is_enabled_without_destinations(
    query: str, headers: Mapping[str, str]
) -> None:
    got = ask(PROTOCOL, "/sourceConfig", method="GET", query=query, **headers)

    assert isinstance(got, Reply)
    assert got.status == 200
    source = json.loads(got.body)["source"]
    assert (source["enabled"], source["destinations"]) == (True, [])
    assert source["config"]["statsCollection"]["errors"] == {"enabled": False}
    assert got.headers == {"Cache-Control": "private, max-age=300"}


@pytest.mark.parametrize("query", ["", "writeKey="])
def test_the_configuration_needs_a_key(query: str) -> None:
    got = ask(PROTOCOL, "/sourceConfig", method="GET", query=query)

    assert isinstance(got, Reply)
    assert got.status == 401


@pytest.mark.parametrize(
    ("outcome", "status", "body"),
    [
        (None, 200, b"OK"),
        (DropReason.IDENTITY, 200, b"OK"),
        (DropReason.UNKNOWN_SITE, 401, None),
        (DropReason.MALFORMED, 400, None),
    ],
)
def test_a_beacon_is_a_batch_with_the_key_in_the_query(
    outcome: DropReason | None, status: int, body: bytes | None
) -> None:
    call = {**TRACK, "writeKey": None}
    query = f"writeKey={KEY}"
    decoded = ask(PROTOCOL, "/beacon/v1/batch", {"batch": [call]}, query=query)

    assert isinstance(decoded, DecodedRequest)
    assert [(hit.key, hit.name) for hit in decoded.hits if isinstance(hit, VendorHit)]
    reply = decoded.reply([outcome])
    assert (reply.status, body or reply.body) == (status, reply.body)


def test_a_pixel_query_is_a_call() -> None:
    got = pixel(
        "track",
        writeKey=KEY,
        event="Mail Opened",
        userId="u-1",
        anonymousId="a-1",
        properties__plan="pro",
        context__locale="de-DE",
        context__screen__width="1440",
        context__page__url=f"{URL}?utm_source=mail",
    )

    assert (got.key, got.name, got.actor) == (KEY, "Mail Opened", "u-1")
    assert (got.lang, got.screen) == ("de-DE", [1440.0, 0])
    assert got.url == f"{URL}?utm_source=mail"
    assert got.props == {"plan": "pro"}


def test_a_pixel_without_a_page_uses_the_referer() -> None:
    got = pixel("page", writeKey=KEY, name="Mug")

    assert (got.name, got.url) == ("pageview", URL)


def test_a_pixel_always_returns_an_image() -> None:
    decoded = ask(PROTOCOL, "/pixel/v1/page", method="GET", query="writeKey=x")

    assert isinstance(decoded, DecodedRequest)
    for outcome in (None, DropReason.UNKNOWN_SITE, DropReason.MALFORMED):
        assert decoded.reply([outcome]).body == PIXEL


@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(["context", "properties", "page", "url", "event", ""]),
            min_size=1,
            max_size=5,
        ).map(".".join)
        | st.text(max_size=9),
        st.text(max_size=9),
        max_size=6,
    )
)
def test_any_pixel_query_gets_an_image(fields: dict[str, str]) -> None:
    query = urlencode(fields, errors="replace")
    for kind in ("track", "page"):
        try:
            decoded = ask(PROTOCOL, f"/pixel/v1/{kind}", method="GET", query=query)
        except MalformedBodyError:
            continue
        assert isinstance(decoded, DecodedRequest)
        assert len(decoded.hits) == 1


AUTOMATIC = {"autoTrack": {"page": {"pageViewId": "v-1"}}}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        pytest.param(AUTOMATIC, "engagement", id="sent by the client itself"),
        pytest.param({}, "Page Unloaded", id="sent by the site"),
    ],
)
def test_a_page_end_is_engagement_without_time(
    context: Mapping[str, Any], expected: str
) -> None:
    call = {**TRACK, "event": "Page Unloaded", "properties": {"timeOnPage": 9_000}}

    got = hit({**call, "context": context})

    assert (got.name, got.engaged_ms, got.order) == (expected, None, None)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """Run a worker for a site with the captured key."""
    with WorkerProcess(tmp_path_factory.mktemp("worker"), site=SITE) as worker:
        yield worker


@pytest.fixture
def worker(running: WorkerProcess) -> SharedWorker:
    """Return the shared worker without the rows of earlier tests."""
    return SharedWorker(running)


@pytest.mark.parametrize(
    ("run", "items", "protocol", "body"),
    [
        ("default", 1, "segment", SUCCESS),
        ("batch", 5, "segment", SUCCESS),
        ("beacon", 5, "rudderstack", b"OK"),
    ],
)
def test_a_browser_visit_is_stored_event_by_event(
    worker: SharedWorker, run: str, items: int, protocol: str, body: bytes
) -> None:
    requests = recorded("rudderstack-analytics-js", f"{run}:")
    posts = [request for request in requests if request.method == "POST"]

    answers = replay(worker, posts, prefix="/collect")

    assert stored(worker) == visit(items=items)
    assert dropped(worker) == {("shop", "identity"): 3}
    assert {(answer.status, answer.body) for answer in answers} == {(200, body)}
    events = worker.spooled.events
    assert {event.protocol for event in events} == {protocol}
    assert len({event.visitor for event in events} - {None}) == 1
    assert {event.screen for event in events} == {"l"}
    assert not any(event.late for event in events)
    check_silent(worker, posts, answers)


def test_configuration_and_preflights_allow_pages_of_the_site(
    worker: SharedWorker,
) -> None:
    requests = recorded("rudderstack-analytics-js", "default: pre", "default: /source")

    answers = replay(worker, requests, prefix="/collect")

    assert {request.method for request in requests} == {"GET", "OPTIONS"}
    assert {answer.status for answer in answers} == {200, 204}
    for request, answer in zip(requests, answers, strict=True):
        origin = request.headers["Origin"]
        assert answer.headers["access-control-allow-origin"] == origin
        wanted_headers = request.headers.get("Access-Control-Request-Headers", "")
        assert answer.headers.get("access-control-allow-headers", "") == wanted_headers


@pytest.mark.parametrize("name", ["rudderstack-node", "rudderstack-python"])
def test_server_calls_are_stored_without_a_visitor(
    worker: SharedWorker, name: str
) -> None:
    requests = [
        replace(request, body=ordered_when_captured(request.body))
        for request in recorded(name, "default:")
    ]

    answers = replay(worker, requests)

    assert stored(worker) == visit(items=5, items_on=None, page_left_count=0)
    assert {(answer.status, answer.body) for answer in answers} == {(200, SUCCESS)}
    assert {event.visitor for event in worker.spooled.events} == {None}
    check_silent(worker, requests, answers)


def test_a_pixel_is_stored_without_its_personal_query(
    worker: SharedWorker,
) -> None:
    [beacon, *_] = recorded("rudderstack-analytics-js", "beacon: page")
    query = urlencode(
        {
            "writeKey": KEY,
            "anonymousId": "anon-7f3c",
            "userId": "user-42",
            "name": "Ada Example",
            "context.page.url": f"https://shop.example{PATH}?token=s3cr3t",
        }
    )
    request = replace(
        beacon, method="GET", path="/pixel/v1/page", query=query, body=b""
    )

    answers = replay(worker, [request])

    assert [(answer.status, answer.body) for answer in answers] == [(200, PIXEL)]
    assert stored(worker) == [Stored("pageview", PATH, None, None)]
    check_silent(worker, [request], answers)
