"""PostHog requests are decoded in every encoding and get the right responses."""

import base64
import gzip
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols.posthog import (
    is_posthog,
    read_events,
    read_v1,
)
from proxy.protocols.protocol import DecodedRequest, Outcomes, VendorRequest
from proxy.transport.body import RefusedBodyError
from tests.proxy.pipeline.pipeline_setup import Pipeline
from tests.proxy.protocols.vendor_requests import vendor_request

EVENT: dict[str, Any] = {
    "api_key": "phc_shop",
    "event": "Plan Chosen",
    "uuid": "01a203bb-d212-7bb4-8bf8-b23436e43657",
    "properties": {"plan": "pro", "total": 59.9},
}
TEXT = json.dumps(EVENT)
BASE64 = base64.b64encode(TEXT.encode()).decode()
OK = {"status": "Ok"}


def hits(decoded: DecodedRequest) -> list[VendorHit]:
    """Return the hits of a request; no hit may be malformed."""
    got = [hit for hit in decoded.hits if isinstance(hit, VendorHit)]
    assert len(got) == len(decoded.hits)
    return got


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(vendor_request(EVENT), id="one event"),
        pytest.param(vendor_request([EVENT]), id="an array"),
        pytest.param(vendor_request({"batch": [EVENT]}), id="a batch"),
        pytest.param(
            vendor_request(body=urlencode({"data": BASE64}).encode()),
            id="a form with base64",
        ),
        pytest.param(
            vendor_request(
                body=urlencode({"data": BASE64}).encode(), query="compression=base64"
            ),
            id="compression in the query",
        ),
        pytest.param(vendor_request(body=BASE64.encode()), id="base64 alone"),
        pytest.param(
            vendor_request(body=b"", method="GET", query=urlencode({"data": BASE64})),
            id="a query",
        ),
        pytest.param(
            vendor_request(body=b"", method="GET", query=urlencode({"data": TEXT})),
            id="a query with JSON",
        ),
        pytest.param(
            vendor_request(
                EVENT | {"properties": {"plan": "pro", "url": "/?compression=lz64"}}
            ),
            id="an event that speaks of other wrappings",
        ),
    ],
)
def test_an_event_is_read_in_every_wrapping_of_posthog(request_: VendorRequest) -> None:
    (got,) = hits(read_events(request_))

    assert (got.name, got.key, got.id) == ("Plan Chosen", "phc_shop", EVENT["uuid"])


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            vendor_request(EVENT, query="compression=lz64&ver=1.0"), id="in the query"
        ),
        pytest.param(
            vendor_request(body=f"data={BASE64}&compression=lz64".encode()),
            id="in the form",
        ),
        pytest.param(
            vendor_request(body=f"compression=lz64&data={BASE64}".encode()),
            id="first in the form",
        ),
    ],
)
def test_lz64_is_refused_with_its_name(request_: VendorRequest) -> None:
    with pytest.raises(MalformedBodyError, match="lz64"):
        read_events(request_)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(vendor_request([]), id="an empty array"),
        pytest.param(vendor_request({"batch": []}), id="an empty batch"),
        pytest.param(vendor_request(body=b""), id="nothing"),
        pytest.param(vendor_request(body=b"", method="GET"), id="an empty query"),
        pytest.param(vendor_request(body=gzip.compress(b"{}")), id="still packed"),
    ],
)
def test_a_request_without_an_event_is_malformed(request_: VendorRequest) -> None:
    with pytest.raises(MalformedBodyError):
        read_events(request_)


NAMELESS = {"event": None}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(
            vendor_request(
                {"api_key": "a", "batch": [{"event": "x"}]}, query="token=q"
            ),
            "a",
            id="body",
        ),
        pytest.param(
            vendor_request(
                [{"event": "x"}], query="token=q", headers={"Authorization": "Bearer b"}
            ),
            "b",
            id="header",
        ),
        pytest.param(
            vendor_request([{"event": "x"}], query="token=q"), "q", id="query"
        ),
        pytest.param(vendor_request([{"event": "x"}]), None, id="nowhere"),
    ],
)
def test_the_key_is_found_in_body_header_or_query(
    request_: VendorRequest, expected: str | None
) -> None:
    assert [hit.key for hit in hits(read_events(request_))] == [expected]


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("_=1795358767150", {}, 1795358767150.0),
        ("sent_at=1795358767150", {}, 1795358767150.0),
        ("_=1", {"sent_at": "2026-11-22T14:49:30Z"}, "2026-11-22T14:49:30Z"),
        ("_=soon", {}, "soon"),
        ("", {}, None),
    ],
)
def test_the_client_clock_is_in_body_or_query(
    query: str, body: dict[str, Any], expected: Any
) -> None:
    value = {"batch": [{"event": "x", "timestamp": "2026-11-22T14:49:29Z"}], **body}

    (got,) = hits(read_events(vendor_request(value, query=query)))

    assert got.sent_at == expected


KEPT, UNKNOWN, BAD = None, DropReason.UNKNOWN_SITE, DropReason.MALFORMED


@pytest.mark.parametrize(
    ("outcomes", "status", "answer"),
    [
        pytest.param([KEPT], 200, OK, id="kept"),
        pytest.param([KEPT, BAD, DropReason.BAD_NAME], 200, OK, id="some kept"),
        pytest.param([DropReason.IDENTITY], 200, OK, id="none to keep"),
        pytest.param([DropReason.GPC, DropReason.BOT], 200, OK, id="not wanted"),
        pytest.param([UNKNOWN, UNKNOWN], 401, "authentication_error", id="wrong key"),
        pytest.param([BAD, BAD], 400, "validation_error", id="all malformed"),
        pytest.param([BAD, UNKNOWN], 200, OK, id="malformed and unknown"),
    ],
)
def test_the_response_makes_clients_neither_lose_nor_repeat_events(
    outcomes: Outcomes, status: int, answer: Any
) -> None:
    reply = read_events(vendor_request(EVENT)).reply(outcomes)
    body = json.loads(reply.body)

    assert (reply.status, body if body == OK else body["type"]) == (status, answer)


V1_HEADERS = {
    "Authorization": "Bearer phc_shop",
    "PostHog-Sdk-Info": "posthog-node/5.70.0",
    "PostHog-Attempt": "1",
    "PostHog-Request-Timestamp": "2026-11-22T14:49:00.671Z",
}
V1_IDS = [f"01a203bb-5dfa-7d56-af59-00000000000{number}" for number in range(5)]
V1_EVENT = {"event": "x", "timestamp": "2026-11-22T14:49:00.662Z", "distinct_id": "u"}


def v1(members: list[Any], **body: Any) -> DecodedRequest:
    """Return the decoded request of protocol version 1."""
    return read_v1(vendor_request({"batch": members, **body}, headers=V1_HEADERS))


def test_version_1_has_key_clock_and_library_in_headers() -> None:
    (got,) = hits(v1([V1_EVENT], created_at="2026-11-22T14:49:00.670Z"))

    assert (got.key, got.actor, got.library) == ("phc_shop", "u", True)
    assert got.sent_at == V1_HEADERS["PostHog-Request-Timestamp"]


def test_a_version_1_browser_is_not_a_server() -> None:
    headers = V1_HEADERS | {"PostHog-Sdk-Info": "posthog-js/2.0.0"}
    (got,) = hits(read_v1(vendor_request({"batch": [V1_EVENT]}, headers=headers)))

    assert (got.library, got.actor) == (False, None)


def test_a_version_1_response_has_a_result_for_each_event() -> None:
    members = [V1_EVENT | {"uuid": uuid} for uuid in V1_IDS]
    outcomes = [KEPT, DropReason.IDENTITY, DropReason.BAD_ORDER, UNKNOWN, KEPT]

    reply = v1(members).reply(outcomes)

    assert reply.status == 200
    assert json.loads(reply.body) == {
        "results": {
            V1_IDS[0]: {"result": "ok"},
            V1_IDS[1]: {"result": "warning", "details": "not kept: identity"},
            V1_IDS[2]: {"result": "drop", "details": "not kept: bad_order"},
            V1_IDS[3]: {"result": "drop", "details": "not kept: unknown_site"},
            V1_IDS[4]: {"result": "ok"},
        }
    }


def test_the_response_repeats_only_valid_ids() -> None:
    odd = [7, None, "ada@example.com", V1_IDS[0] + "\n", {"x": 1}]
    members = [{"event": "x", "uuid": value} for value in odd]

    reply = v1([*members, "x"]).reply([KEPT] * 5 + [BAD])

    assert json.loads(reply.body) == {"results": {}}


@pytest.mark.parametrize(
    ("reason", "status"),
    [(DropReason.UNKNOWN_SITE, 401), (DropReason.MALFORMED, 400)],
)
def test_a_refused_version_1_request_is_permanent_and_never_404(
    reason: DropReason, status: int
) -> None:
    assert v1([V1_EVENT, V1_EVENT]).reply([reason, reason]).status == status


@pytest.mark.parametrize("body", [{}, [], {"batch": {}}, {"batch": []}, "x", None])
def test_version_1_without_events_is_malformed(body: Any) -> None:
    with pytest.raises(MalformedBodyError):
        read_v1(vendor_request(body, headers=V1_HEADERS))


MIXPANEL = {"event": "x", "properties": {"token": "t", "distinct_id": "u", "time": 1}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(EVENT, True, id="a key"),
        pytest.param([EVENT], True, id="some with a key"),
        pytest.param({"token": "k", "event": "x"}, True, id="a token"),
        pytest.param({"api_key": "k", "batch": []}, True, id="a batch"),
        pytest.param({"event": "x", "distinct_id": "u"}, True, id="an id at the top"),
        pytest.param(
            [{"event": "x", "uuid": "u", "properties": {"token": "k"}}],
            True,
            id="posthog-js 1.96",
        ),
        pytest.param(
            {"event": "x", "properties": {"token": "k", "$lib": "web"}},
            True,
            id="older ones",
        ),
        pytest.param(MIXPANEL, False, id="Mixpanel's event"),
        pytest.param([MIXPANEL], False, id="some of them"),
        pytest.param(
            {"event": "x", "properties": {"token": "t", "mp_lib": "web"}},
            False,
            id="its browser's",
        ),
        pytest.param(
            {"$token": "t", "$distinct_id": "u", "$set": {}}, False, id="a profile"
        ),
        pytest.param([{"$token": "t", "$add": {"n": 1}}], False, id="some profiles"),
        pytest.param([], False, id="an empty array"),
        pytest.param({}, False, id="an empty object"),
        pytest.param(None, False, id="nothing"),
        pytest.param("x", False, id="a text"),
    ],
)
def test_the_shape_of_the_body_decides_on_shared_paths(
    value: Any, *, expected: bool
) -> None:
    assert is_posthog(value) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("event", "uuid", "timestamp", "offset", "distinct_id", "api_key", "token"),
        *("$set", "options", "sent_at", "batch", "created_at"),
    ]
)
PROPERTIES = st.sampled_from(
    [
        *("token", "distinct_id", "$current_url", "$referrer", "$lib", "$ip"),
        *("$screen_width", "$screen_height", "$browser_language", "$user_id"),
        *("$is_identified", "$is_server", "$raw_user_agent", "$insert_id"),
        *("$prev_pageview_pathname", "$prev_pageview_max_content_percentage"),
        *("total", "currency", "products", "order_id", "plan"),
    ]
)
NAMES = st.sampled_from(["$pageview", "$pageleave", "Order Completed", "$set", "x"])
ODD_EVENTS = st.dictionaries(FIELDS, JSON).flatmap(
    lambda fields: st.fixed_dictionaries(
        {
            "event": NAMES | JSON,
            "properties": st.dictionaries(PROPERTIES, JSON | st.just("EUR")) | JSON,
        }
    ).map(lambda named: fields | named)
)
BODIES = JSON | ODD_EVENTS | st.fixed_dictionaries({"batch": st.lists(ODD_EVENTS)})


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Return one pipeline for all examples."""
    return Pipeline(tmp_path_factory.mktemp("pipeline")).prefetch()


def check_outcomes(pipeline: Pipeline, decoded: DecodedRequest) -> None:
    """Check that the pipeline accepts every hit and every outcome gets a reply."""
    outcomes = [
        pipeline.outcome(hit) if isinstance(hit, Hit) else hit for hit in decoded.hits
    ]
    reasons = [
        outcome.reason if isinstance(outcome, Dropped) else None for outcome in outcomes
    ]
    assert decoded.reply(reasons).status in {200, 400, 401}


@given(BODIES)
def test_any_body_gets_a_response(pipeline: Pipeline, value: Any) -> None:
    body = json.dumps(value).encode()
    for reader in (read_events, read_v1):
        with suppress(MalformedBodyError, RefusedBodyError):
            check_outcomes(pipeline, reader(vendor_request(body=body)))
    assert is_posthog(value) in {True, False}
