"""Requests of Umami clients become the right hits."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import MalformedBodyError, Order, VendorHit, Visitor
from proxy.protocols.protocol import DecodedRequest, Outcomes, Reader, VendorRequest
from proxy.protocols.umami import read_batch, read_collect, read_send
from proxy.transport.body import RefusedBodyError

WEBSITE = "3f2b8a52-7c1c-4d5e-9a66-0c1a2b3c4d5e"
PAGE = "https://shop.example/p/42"
VIEW = {"website": WEBSITE, "hostname": "shop.example", "url": PAGE}
NOBODY = "00000000-0000-0000-0000-000000000000"


def build_request(
    body: object, headers: Mapping[str, str] | None = None
) -> VendorRequest:
    text = json.dumps(body).encode()
    return VendorRequest("POST", "/api/send", "", CIMultiDict(headers or {}), text)


def event(payload: Mapping[str, Any], kind: str = "event") -> dict[str, Any]:
    return {"type": kind, "payload": {"website": WEBSITE, **payload}}


def hit(body: object, headers: Mapping[str, str] | None = None) -> VendorHit:
    [result] = read_send(build_request(body, headers)).hits
    assert isinstance(result, VendorHit)
    return result


def fields(vendor_hit: VendorHit) -> dict[str, Any]:
    """Return the fields of *vendor_hit* that differ from an empty hit."""
    named = {name: getattr(vendor_hit, name) for name in VendorHit.__struct_fields__}
    return {name: value for name, value in named.items() if value not in (None, False)}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param({}, {"name": "pageview"}, id="a view"),
        pytest.param({"name": ""}, {"name": "pageview"}, id="an empty name"),
        pytest.param(
            {
                "url": f"{PAGE}?utm_source=x#reviews",
                "referrer": "https://news.example/a",
                "language": "de-DE",
                "screen": "1440x900",
                "title": "Mug",
            },
            {
                "name": "pageview",
                "url": f"{PAGE}?utm_source=x#reviews",
                "referrer": "https://news.example/a",
                "lang": "de-DE",
                "screen": [1440, 900],
            },
            id="all of a page",
        ),
        pytest.param(
            {"hostname": "shop.example", "url": "/p/42?x=1", "referrer": "/p/41"},
            {
                "name": "pageview",
                "url": f"{PAGE}?x=1",
                "referrer": "https://shop.example/p/41",
            },
            id="paths are of the host",
        ),
        pytest.param({"url": "/p/42"}, {"name": "pageview"}, id="a path of nowhere"),
        pytest.param(
            {"url": "https://shop.example/#/cart?x=1"},
            {"name": "pageview", "url": "https://shop.example/cart"},
            id="a route in the fragment",
        ),
        pytest.param(
            {"name": "Plan Chosen", "data": {"plan": "pro", "deep": {"x": 1}}},
            {"name": "Plan Chosen", "props": {"plan": "pro", "deep": {"x": 1}}},
            id="an event of the site",
        ),
        pytest.param(
            {"event_name": "Plan Chosen", "event_data": {"plan": "pro"}},
            {"name": "Plan Chosen", "props": {"plan": "pro"}},
            id="version 1",
        ),
        pytest.param(
            {"event_type": "click", "event_value": "signup-button"},
            {"name": "signup-button"},
            id="version 1, older",
        ),
        pytest.param(
            {"tag": "b"}, {"name": "pageview", "props": {"tag": "b"}}, id="tag"
        ),
        pytest.param(
            {"id": "user-42"}, {"name": "pageview", "actor": "user-42"}, id="id"
        ),
        pytest.param(
            {"timestamp": 1_764_000_000},
            {"name": "pageview", "at": 1_764_000_000.0},
            id="time",
        ),
        pytest.param(
            {"ip": "203.0.113.9", "userAgent": "Mozilla/5.0 x"},
            {"name": "pageview", "visitor": Visitor("203.0.113.9", "Mozilla/5.0 x")},
            id="whom a server speaks for",
        ),
        pytest.param(
            {"ip": "203.0.113.9"}, {"name": "pageview"}, id="an address alone"
        ),
        pytest.param(
            {"screen": "wide", "data": 7, "browser": "x", "title": 7},
            {"name": "pageview"},
            id="fields of other types",
        ),
    ],
)
def test_an_event_becomes_a_hit(
    payload: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    got = fields(hit(event(payload)))

    props = {"tag": None, **got.pop("props")}
    expected_props = {"tag": None, **expected.get("props", {})}
    assert props == expected_props
    rest = {name: value for name, value in expected.items() if name != "props"}
    assert got == {"key": WEBSITE, **rest}


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param(
            "Order Completed",
            {"order_id": "1", "currency": "EUR", "total": 59.9, "revenue": 50},
            ("order_placed", Order(id="1", value=Decimal("59.9"), currency="EUR")),
            id="an order",
        ),
        pytest.param(
            "purchase",
            {"revenue": 50, "currency": "USD"},
            ("order_placed", Order(value=Decimal(50), currency="USD")),
            id="revenue alone",
        ),
        pytest.param(
            "Plan Chosen",
            {"revenue": "9.50", "currency": "EUR"},
            ("Plan Chosen", Order(value=Decimal("9.50"), currency="EUR")),
            id="revenue of another event stays with it",
        ),
        pytest.param(
            "Plan Chosen", {"revenue": 9}, ("Plan Chosen", None), id="of no currency"
        ),
        pytest.param(
            "Plan Chosen",
            {"revenue": "high", "currency": "EUR"},
            ("Plan Chosen", None),
            id="a word",
        ),
        pytest.param(
            "Plan Chosen",
            {"revenue": -9, "currency": "EUR"},
            ("Plan Chosen", None),
            id="negative",
        ),
    ],
)
def test_revenue_becomes_an_order_or_stays_with_its_event(
    name: str, data: Mapping[str, Any], expected: tuple[str, Order | None]
) -> None:
    got = hit(event({**VIEW, "name": name, "data": data}))

    assert (got.name, got.order) == expected


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("identify", DropReason.IDENTITY),
        ("performance", DropReason.AUTOMATIC),
        ("error", DropReason.AUTOMATIC),
    ],
)
def test_non_event_calls_are_dropped_for_their_site(
    kind: str, reason: DropReason
) -> None:
    got = hit(event({**VIEW, "id": "user-42", "data": {"email": "a@b.example"}}, kind))

    assert fields(got) == {"key": WEBSITE, "name": "pageview", "refused": reason}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, False, id="a script"),
        pytest.param({"Authorization": "Bearer None"}, True, id="the Python client"),
        pytest.param(
            {"Authorization": "Basic eDp5"}, False, id="a page behind a login"
        ),
    ],
)
def test_the_server_client_is_recognized_by_its_header(
    headers: Mapping[str, str], *, expected: bool
) -> None:
    assert hit(event(VIEW), headers).library is expected


BAD = [
    pytest.param([], id="an array"),
    pytest.param(7, id="a number"),
    pytest.param({}, id="nothing"),
    pytest.param({"type": "event"}, id="no payload"),
    pytest.param({"type": "event", "payload": {}}, id="no website"),
    pytest.param({"payload": VIEW}, id="no type"),
    pytest.param({"type": [], "payload": VIEW}, id="a type of the wrong type"),
    pytest.param(event(VIEW, "replay"), id="another type"),
    pytest.param(event({**VIEW, "name": 7}), id="a number for a name"),
    pytest.param(event({"website": {}}), id="an object for a website"),
]


@pytest.mark.parametrize("body", BAD)
def test_an_invalid_event_is_malformed(body: object) -> None:
    with pytest.raises(MalformedBodyError):
        read_send(build_request(body))


def test_a_bad_batch_member_is_dropped_alone() -> None:
    decoded = read_batch(build_request([event(VIEW), event({**VIEW, "name": 7}), 7]))

    assert [hit.refused for hit in decoded.hits if isinstance(hit, VendorHit)] == [
        None,
        DropReason.MALFORMED,
    ]
    assert decoded.hits[2] == Dropped(DropReason.MALFORMED)


def test_a_batch_must_be_an_array() -> None:
    with pytest.raises(MalformedBodyError):
        read_batch(build_request(event(VIEW)))


KEPT = {"cache": "millpond", "sessionId": NOBODY, "visitId": NOBODY}


@pytest.mark.parametrize(
    ("outcome", "status", "expected"),
    [
        pytest.param(None, 200, KEPT, id="kept"),
        pytest.param(DropReason.IDENTITY, 200, KEPT, id="refused"),
        pytest.param(DropReason.BOT, 200, {"beep": "boop"}, id="a bot"),
        pytest.param(DropReason.OPT_OUT, 200, {"disabled": True}, id="objected"),
        pytest.param(DropReason.GPC, 200, {"disabled": True}, id="objected by GPC"),
    ],
)
def test_the_response_is_that_of_umami(
    outcome: DropReason | None, status: int, expected: Mapping[str, Any]
) -> None:
    got = read_send(build_request(event(VIEW))).reply([outcome])
    first = read_collect(build_request(event(VIEW))).reply([outcome])

    assert (got.status, json.loads(got.body)) == (status, expected)
    assert (first.status, first.body) == (status, b"millpond")


@pytest.mark.parametrize("reader", [read_send, read_collect])
def test_an_unknown_website_is_reported(reader: Reader) -> None:
    got = reader(build_request(event(VIEW)))
    assert isinstance(got, DecodedRequest)

    reply = got.reply([DropReason.UNKNOWN_SITE])

    assert reply.status == 400
    assert "website" in json.loads(reply.body)["error"]["message"]


@pytest.mark.parametrize(
    ("outcomes", "failed"),
    [
        pytest.param([], [], id="none"),
        pytest.param([None, DropReason.BOT, DropReason.IDENTITY], [], id="all taken"),
        pytest.param(
            [None, DropReason.MALFORMED, DropReason.UNKNOWN_SITE], [1, 2], id="two bad"
        ),
    ],
)
def test_a_batch_response_has_its_counts(outcomes: Outcomes, failed: list[int]) -> None:
    got = json.loads(read_batch(build_request([])).reply(outcomes).body)

    assert (got["size"], got["errors"]) == (len(outcomes), len(failed))
    assert got["processed"] == got["size"] - got["errors"]
    assert [detail["index"] for detail in got["details"]] == failed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PAYLOADS = st.fixed_dictionaries(
    {"website": st.just(WEBSITE) | JSON},
    optional=dict.fromkeys(
        [
            *("hostname", "url", "referrer", "screen", "language", "tag", "name", "id"),
            *("data", "ip", "userAgent", "timestamp", "event_value", "event_data"),
        ],
        JSON,
    ),
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["event", "pageview", "identify"]) | JSON},
    optional={"payload": PAYLOADS | JSON},
)


@given(EVENTS | JSON, st.sampled_from([read_send, read_collect, read_batch]))
def test_any_json_value_gets_a_response(body: object, reader: Reader) -> None:
    many = [body, body] if reader is read_batch else body
    try:
        got = reader(build_request(many))
    except (MalformedBodyError, RefusedBodyError):
        return
    assert isinstance(got, DecodedRequest)
    assert got.reply([None for _ in got.hits]).status == 200
