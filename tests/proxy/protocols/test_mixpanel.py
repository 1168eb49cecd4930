"""Mixpanel requests are decoded in every encoding and get the right responses."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import MalformedBodyError, VendorHit
from proxy.protocols import mixpanel
from proxy.protocols.native import PIXEL
from proxy.protocols.protocol import VendorRequest
from tests.proxy.protocols.mixpanel_requests import (
    basic,
    decoded,
    form,
    names,
    packed,
    refusal,
    request,
)

EVENT = {"event": "a", "properties": {"token": "pk-1", "time": 1}}
PROFILE = {"$token": "pk-1", "$set": {"plan": "pro"}}
KEPT = None
NO_SITE = "0 events are unreadable or have no token, 1 have an unknown token"
NOT_AN_EVENT = "1 events are unreadable or have no token, 0 have an unknown token"


@pytest.mark.parametrize(
    "vendor_request",
    [
        pytest.param(request(form(EVENT)), id="form with base64"),
        pytest.param(
            request(b"data=" + quote(json.dumps(EVENT)).encode()), id="form with JSON"
        ),
        pytest.param(request(json.dumps(EVENT).encode()), id="JSON"),
        pytest.param(request(json.dumps([EVENT]).encode()), id="array of JSON"),
        pytest.param(request(form([EVENT])), id="array in a form"),
        pytest.param(request(query=f"data={packed(EVENT)}", method="GET"), id="query"),
        pytest.param(request(b"", f"data={packed(EVENT)}"), id="query of a POST"),
        pytest.param(request(form(EVENT, "verbose=1", "ip=0")), id="with more fields"),
    ],
)
def test_an_event_is_read_in_every_encoding(vendor_request: VendorRequest) -> None:
    assert names(mixpanel.read_events(vendor_request)) == ["a"]


@pytest.mark.parametrize("read_one", [mixpanel.read_events, mixpanel.read_profiles])
@pytest.mark.parametrize(
    "vendor_request",
    [
        pytest.param(request(b""), id="nothing"),
        pytest.param(request(b"data="), id="empty data"),
        pytest.param(request(b"data=%FF%FE"), id="no base64"),
        pytest.param(request(b"data=bm8ganNvbg=="), id="base64 of no JSON"),
        pytest.param(request(b"\xff\xfe"), id="no text"),
        pytest.param(request(b'{"event":'), id="half of it"),
        pytest.param(request(b"[" * 5_000), id="deep"),
        pytest.param(request(method="GET"), id="GET without data"),
    ],
)
def test_an_unreadable_request_gets_the_error_format_of_the_client(
    read_one: Any, vendor_request: VendorRequest
) -> None:
    got = refusal(read_one(vendor_request))

    assert (got.status, got.body) == (400, b"0")


def test_one_bad_member_does_not_affect_the_others() -> None:
    got = mixpanel.read_events(request(form([EVENT, 7, None, {"event": 1}, EVENT])))

    assert names(got) == ["a", *["malformed"] * 3, "a"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param("verbose=1", [], id="query"),
        pytest.param("", ["verbose=1"], id="form"),
        pytest.param("verbose=0", ["verbose=1"], id="either"),
    ],
)
@pytest.mark.parametrize(
    ("outcomes", "status", "expected"),
    [
        pytest.param([KEPT], 200, {"status": 1, "error": None}, id="kept"),
        pytest.param([DropReason.BOT], 200, {"status": 1, "error": None}, id="dropped"),
        pytest.param(
            [DropReason.UNKNOWN_SITE],
            401,
            {
                "status": 0,
                "error": NO_SITE,
            },
            id="wrong token",
        ),
        pytest.param(
            [KEPT, DropReason.MALFORMED],
            200,
            {
                "status": 1,
                "error": NOT_AN_EVENT,
            },
            id="in part",
        ),
        pytest.param([], 200, {"status": 1, "error": None}, id="nothing in it"),
    ],
)
def test_verbose_requests_get_json(
    query: str,
    fields: list[str],
    outcomes: Sequence[DropReason | None],
    status: int,
    expected: dict[str, Any],
) -> None:
    got = decoded(mixpanel.read_events(request(form(EVENT, *fields), query))).reply(
        outcomes
    )

    assert (got.status, json.loads(got.body)) == (status, expected)
    assert got.content_type == "application/json"


@pytest.mark.parametrize(
    ("outcomes", "status", "expected"),
    [
        pytest.param([KEPT], 200, b"1", id="kept"),
        pytest.param([DropReason.IDENTITY], 200, b"1", id="dropped"),
        pytest.param([DropReason.UNKNOWN_SITE], 401, b"0", id="wrong token"),
        pytest.param([DropReason.MALFORMED], 400, b"0", id="malformed"),
        pytest.param([DropReason.MALFORMED, KEPT], 200, b"1", id="in part"),
        pytest.param(
            [DropReason.MALFORMED, DropReason.UNKNOWN_SITE], 401, b"0", id="both wrong"
        ),
    ],
)
def test_other_requests_get_one_digit(
    outcomes: Sequence[DropReason | None], status: int, expected: bytes
) -> None:
    got = decoded(mixpanel.read_events(request(form(EVENT), "verbose=0"))).reply(
        outcomes
    )

    assert (got.status, got.body) == (status, expected)
    assert got.content_type.startswith("text/plain")


def test_an_image_request_gets_an_image() -> None:
    vendor_request = request(query=f"img=1&data={packed(EVENT)}", method="GET")

    got = decoded(mixpanel.read_events(vendor_request)).reply([KEPT])

    assert (got.body, got.content_type) == (PIXEL, "image/gif")
    assert (
        decoded(mixpanel.read_events(vendor_request))
        .reply([DropReason.UNKNOWN_SITE])
        .status
        == 401
    )


@pytest.mark.parametrize(
    "vendor_request",
    [
        pytest.param(
            request(form(EVENT), "redirect=https%3A%2F%2Fbad.example"), id="redirect"
        ),
        pytest.param(request(form(EVENT), "callback=alert"), id="callback"),
        pytest.param(request(form(EVENT, "callback=alert")), id="in the form"),
    ],
)
def test_redirect_and_callback_are_refused(
    vendor_request: VendorRequest,
) -> None:
    got = refusal(mixpanel.read_events(vendor_request))

    assert (got.status, got.body, got.headers) == (400, b"0", {})


@pytest.mark.parametrize(
    ("query", "fields", "expected"),
    [
        pytest.param("ip=0", [], True, id="query"),
        pytest.param("", ["ip=0"], True, id="form"),
        pytest.param("ip=1", [], False, id="the request's own"),
        pytest.param("", [], False, id="not said"),
    ],
)
def test_a_sender_that_disclaims_its_address_is_a_server(
    query: str,
    fields: list[str],
    expected: bool,  # noqa: FBT001 - a case's value
) -> None:
    (hit,) = decoded(mixpanel.read_events(request(form(EVENT, *fields), query))).hits

    assert isinstance(hit, VendorHit)
    assert hit.library is expected


def test_profiles_and_groups_are_only_counted() -> None:
    got = decoded(mixpanel.read_profiles(request(form([PROFILE, PROFILE]))))

    assert got.hits == [VendorHit(key="pk-1", refused=DropReason.IDENTITY)] * 2


FAILED_RECORD = {"index": 1, "insert_id": "", "field": "", "message": "bad_order"}
UNKEYED = {"event": "a", "properties": {"time": 1}}
LINES = b"\n".join([json.dumps(UNKEYED).encode(), b"", b"{oops", b'{"event": "b"}'])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(json.dumps([UNKEYED] * 2).encode(), ["a", "a"], id="array"),
        pytest.param(json.dumps(UNKEYED, indent=1).encode(), ["a"], id="one, indented"),
        pytest.param(LINES, ["a", "malformed", "b"], id="lines, a bad one in between"),
        pytest.param(form(EVENT), ["a"], id="form"),
    ],
)
def test_an_import_is_a_server_request_in_every_encoding(
    body: bytes, expected: list[str]
) -> None:
    vendor_request = request(body, Authorization=basic("secret"))

    got = decoded(mixpanel.read_import(vendor_request))

    assert names(got) == expected
    hits = [hit for hit in got.hits if isinstance(hit, VendorHit)]
    assert {hit.key for hit in hits} <= {"secret", "pk-1"}
    assert all(hit.library for hit in hits if hit.refused is None)


def test_an_unreadable_import_is_malformed() -> None:
    with pytest.raises(MalformedBodyError):
        mixpanel.read_import(request(b'{"event":'))


def test_a_form_import_gets_the_response_of_events() -> None:
    got = decoded(mixpanel.read_import(request(form(EVENT, "verbose=1")))).reply([KEPT])

    assert json.loads(got.body) == {"status": 1, "error": None}


@pytest.mark.parametrize(
    ("query", "outcomes", "status", "expected"),
    [
        pytest.param(
            "",
            [KEPT, DropReason.IDENTITY],
            200,
            {"code": 200, "status": "OK", "num_records_imported": 1},
            id="all well",
        ),
        pytest.param(
            "strict=1",
            [KEPT, DropReason.BAD_ORDER],
            400,
            {
                "code": 400,
                "status": "Bad Request",
                "num_records_imported": 1,
                "error": "some events were refused",
                "failed_records": [FAILED_RECORD],
            },
            id="strict: every failed event is named",
        ),
        pytest.param(
            "strict=0",
            [KEPT, DropReason.BAD_ORDER],
            200,
            {"code": 200, "status": "OK", "num_records_imported": 1},
            id="not strict",
        ),
        pytest.param(
            "",
            [DropReason.UNKNOWN_SITE],
            401,
            {
                "code": 401,
                "status": "Unauthorized",
                "num_records_imported": 0,
                "error": NO_SITE,
                "failed_records": [],
            },
            id="wrong secret",
        ),
    ],
)
def test_an_import_response_counts_stored_events(
    query: str,
    outcomes: Sequence[DropReason | None],
    status: int,
    expected: dict[str, Any],
) -> None:
    body = json.dumps([UNKEYED]).encode()

    got = decoded(mixpanel.read_import(request(body, query))).reply(outcomes)

    assert (got.status, json.loads(got.body)) == (status, expected)


@pytest.mark.parametrize(
    ("vendor_request", "expected"),
    [
        pytest.param(
            request(b"\x00", Authorization=basic("pk-1")),
            VendorHit(key="pk-1", refused=DropReason.AUTOMATIC),
            id="token in the header",
        ),
        pytest.param(
            request(b"\x00", "token=pk-1"),
            VendorHit(key="pk-1", refused=DropReason.AUTOMATIC),
            id="token in the query",
        ),
        pytest.param(request(b"\x00"), Dropped(DropReason.AUTOMATIC), id="no token"),
    ],
)
def test_a_session_recording_is_counted_and_dropped(
    vendor_request: VendorRequest, expected: VendorHit | Dropped
) -> None:
    got = mixpanel.read_recording(vendor_request)

    assert got.hits == [expected]
    assert json.loads(got.reply([DropReason.AUTOMATIC]).body) == {
        "code": 200,
        "status": "OK",
    }


def test_the_settings_response_switches_off_unsupported_features() -> None:
    routes = {route.path: route.read for route in mixpanel.PROTOCOL.routes}
    vendor_request = request(query="distinct_id=user-42", method="GET")
    settings = refusal(routes["/settings"](vendor_request))

    assert json.loads(settings.body) == {
        "sdk_config": {
            "config": {"record_sessions_percent": 0, "record_heatmap_data": False}
        }
    }
    assert "max-age" in settings.headers["Cache-Control"]
    assert json.loads(refusal(mixpanel.read_flags(vendor_request)).body) == {
        "code": 200,
        "flags": {},
    }
    assert (
        json.loads(refusal(routes["/flags/definitions"](vendor_request)).body)["flags"]
        == []
    )


def test_more_events_than_mixpanel_accepts_are_refused() -> None:
    body = json.dumps([7] * 2_001).encode()

    assert refusal(mixpanel.read_events(request(body))).status == 400
    with pytest.raises(MalformedBodyError):
        mixpanel.read_import(request(body))
