"""Segment calls become the right hits, for any field values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import (
    Hit,
    MalformedBodyError,
    Order,
    OrderLine,
    VendorHit,
    Visitor,
)
from proxy.protocols import segment
from proxy.protocols.protocol import DecodedRequest
from proxy.transport.body import RefusedBodyError
from tests.proxy.pipeline.pipeline_setup import NOON, Pipeline, sender
from tests.proxy.protocols.test_segment import (
    DROPS,
    KEY,
    PAGE,
    TRACK,
    URL,
    ask,
    hit,
    hits,
)
from warehouse.schema import Event


def in_page(**page: str) -> dict[str, Any]:
    """Return a track call on a page."""
    return {**TRACK, "context": {"page": page}}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param(TRACK, {"name": "Plan Chosen"}, id="a name of the site's own"),
        pytest.param(
            {**TRACK, "event": " Order Completed "}, {"name": "order_placed"}, id="shop"
        ),
        pytest.param({**TRACK, "messageId": "m-1"}, {"id": "m-1"}, id="message"),
        pytest.param({**TRACK, "userId": "user-42"}, {"actor": "user-42"}, id="user"),
        pytest.param({**TRACK, "userId": 42}, {"actor": "42"}, id="a number for one"),
        pytest.param({**TRACK, "userId": ""}, {"actor": None}, id="an empty user"),
        pytest.param(
            {**TRACK, "anonymousId": "anon"},
            {"actor": None},
            id="a browser has no actor",
        ),
        pytest.param(
            {**TRACK, "properties": {"plan": "pro"}}, {"props": {"plan": "pro"}}, id="p"
        ),
        pytest.param(
            in_page(url=f"{URL}?utm_source=news#top", referrer="https://news.example"),
            {"url": f"{URL}?utm_source=news#top", "referrer": "https://news.example"},
            id="the page it was made on",
        ),
        pytest.param(
            {**TRACK, "properties": {"url": "https://x.example"}},
            {"url": None},
            id="a custom property is not a page",
        ),
        pytest.param(
            {**TRACK, "context": {"locale": "de-DE"}}, {"lang": "de-DE"}, id="language"
        ),
        pytest.param(
            {**TRACK, "context": {"screen": {"width": 1440, "height": 900}}},
            {"screen": [1440.0, 900.0]},
            id="screen",
        ),
        pytest.param(
            {**TRACK, "context": {"screen": {"height": 900}}},
            {"screen": None},
            id="half a screen",
        ),
        pytest.param(
            {**TRACK, "context": {"ip": "203.0.113.9", "userAgent": "Any/1"}},
            {"visitor": Visitor("203.0.113.9", "Any/1")},
            id="whom a server speaks for",
        ),
        pytest.param(
            {**PAGE, "properties": {"url": URL, "referrer": "https://a.example"}},
            {"name": "pageview", "url": URL, "referrer": "https://a.example"},
            id="a page names itself",
        ),
        pytest.param(
            {
                **PAGE,
                "context": {"page": {"url": URL, "referrer": "https://b.example"}},
            },
            {"name": "pageview", "url": URL, "referrer": "https://b.example"},
            id="or its context does",
        ),
        pytest.param(
            {**PAGE, "name": "Mug", "category": "Shop", "properties": {"seats": 3}},
            {"props": {"name": "Mug", "category": "Shop", "seats": 3}},
            id="a page's title is a property",
        ),
        pytest.param(
            {
                **PAGE,
                "name": "Mug",
                "category": None,
                "properties": {"url": URL, "search": "?q=1", "title": "T", "path": "/"},
            },
            {"props": {"name": "Mug", "category": None}},
            id="what is known of the page is none",
        ),
        pytest.param(
            {"type": "screen", "name": "Cart", "properties": {"items": 2}},
            {
                "name": "screen",
                "url": None,
                "props": {"name": "Cart", "category": None, "items": 2},
            },
            id="screen",
        ),
    ],
)
def test_a_call_becomes_a_hit(
    call: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    got = hit(call)

    assert {name: getattr(got, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param({"timestamp": "T1"}, ("T1", None), id="when it occurred"),
        pytest.param({"originalTimestamp": "T1"}, ("T1", None), id="by another name"),
        pytest.param(
            {"timestamp": "T1", "originalTimestamp": "T0"}, ("T1", None), id="the named"
        ),
        pytest.param({"timestamp": NOON}, (NOON, None), id="a number"),
        pytest.param({"timestamp": "T1", "sentAt": "T2"}, ("T1", "T2"), id="sent"),
        pytest.param({"timestamp": ["T1"], "sentAt": {}}, (None, None), id="no times"),
        pytest.param({"timestamp": True}, (None, None), id="a truth"),
    ],
)
def test_a_hit_has_the_times_of_its_call(
    times: Mapping[str, Any], expected: tuple[Any, Any]
) -> None:
    got = hit({**TRACK, **times})

    assert (got.at, got.sent_at) == expected


def test_the_sent_time_of_a_batch_outranks_its_calls() -> None:
    call = {**TRACK, "sentAt": "T1"}

    assert hit(call, sentAt="T2").sent_at == "T2"
    (got,) = hits("/v1/track", call, SentAt="T3")
    assert isinstance(got, VendorHit)
    assert got.sent_at == "T1"
    (got,) = hits("/v1/batch", {"batch": [call]}, SentAt="T3")
    assert isinstance(got, VendorHit)
    assert got.sent_at == "T3"


def test_batch_values_apply_to_calls_without_their_own() -> None:
    around = {"locale": "de-DE", "library": {"name": "analytics-php"}}

    assert hit(TRACK, context=around).lang == "de-DE"
    assert hit(TRACK, context=around).library
    assert hit({**TRACK, "context": {"locale": "sv"}}, context=around).lang == "sv"


CAMPAIGN = {"name": "spring", "source": "news letter", "medium": "email"}
UTM = "utm_source=news+letter&utm_medium=email&utm_campaign=spring"


@pytest.mark.parametrize(
    ("url", "campaign", "expected"),
    [
        pytest.param(URL, CAMPAIGN, f"{URL}?{UTM}", id="the URL has no campaign"),
        pytest.param(
            f"{URL}?a=1#x", CAMPAIGN, f"{URL}?a=1&{UTM}#x", id="something else"
        ),
        pytest.param(
            f"{URL}#utm_term=x",
            CAMPAIGN,
            f"{URL}#utm_term=x",
            id="its fragment says so",
        ),
        pytest.param(
            f"{URL}?utm_source=x", CAMPAIGN, f"{URL}?utm_source=x", id="it says so"
        ),
        pytest.param(URL, {"name": "", "id": "7"}, URL, id="nothing named"),
        pytest.param(URL, ["spring"], URL, id="no object"),
        pytest.param(None, CAMPAIGN, None, id="no page"),
    ],
)
def test_a_context_campaign_counts_if_the_url_has_none(
    url: str | None, campaign: object, expected: str | None
) -> None:
    context = {"page": {"url": url}, "campaign": campaign}

    assert hit({**TRACK, "context": context}).url == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@segment/analytics-node", True),
        ("analytics-node", True),
        ("analytics-python", True),
        ("analytics-ruby", True),
        ("Analytics.NET", True),
        ("analytics.js", False),
        ("RudderLabs JavaScript SDK", False),
        ("analytics-android", False),
        ("", False),
        (None, False),
        (["analytics-node"], False),
    ],
)
def test_a_server_library_is_distinguished_from_a_device_library(
    name: object, *, expected: bool
) -> None:
    call = {**TRACK, "context": {"library": {"name": name}}}

    assert hit(call).library is expected


def test_an_order_keeps_every_digit() -> None:
    line = {"product_id": "42", "variant": "L", "quantity": 2, "price": 29.95}
    bought = {
        "order_id": "1001",
        "total": 69.9,
        "revenue": 59.9,
        "tax": 5,
        "shipping": "4.90",
        "currency": "EUR",
        "coupon": "SPRING",
        "products": [line],
    }

    got = hit({**TRACK, "event": "Order Completed", "properties": bought})

    assert got.order == Order(
        id="1001",
        value=Decimal("69.9"),
        tax=Decimal(5),
        shipping=Decimal("4.90"),
        currency="EUR",
        coupon="SPRING",
        items=[
            OrderLine(
                product="42", variant="L", quantity=Decimal(2), price=Decimal("29.95")
            )
        ],
    )


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({**TRACK, "type": "identify", "userId": "u", "traits": {}}, DROPS.IDENTITY),
        ({**TRACK, "type": "group", "groupId": "g"}, DROPS.IDENTITY),
        ({**TRACK, "type": "alias", "previousId": "p"}, DROPS.IDENTITY),
        ({**TRACK, "event": "Segment Signal Generated"}, DROPS.AUTOMATIC),
        ({**TRACK, "event": None}, DROPS.MALFORMED),
        ({**TRACK, "event": " "}, DROPS.MALFORMED),
        ({**TRACK, "event": 7}, DROPS.MALFORMED),
        ({**TRACK, "type": "delete"}, DROPS.MALFORMED),
        ({**TRACK, "type": ["track"]}, DROPS.MALFORMED),
        ({"writeKey": KEY}, DROPS.MALFORMED),
    ],
)
def test_a_dropped_call_is_counted_for_its_site(
    call: Mapping[str, Any], reason: DropReason
) -> None:
    assert hit(call) == VendorHit(key=KEY, refused=reason)


@pytest.mark.parametrize("call", [None, 7, "track", [], [TRACK], {}, {"type": "x"}])
def test_an_invalid_call_is_malformed_and_the_rest_of_the_batch_is_kept(
    call: object,
) -> None:
    got = hits("/v1/batch", {"batch": [call, TRACK]})

    assert got[0] == Dropped(DropReason.MALFORMED)
    assert isinstance(got[1], VendorHit)
    assert got[1].name == "Plan Chosen"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = ("type", "event", "properties", "context", "messageId", "userId", "writeKey")
_TIMES = ("timestamp", "originalTimestamp", "sentAt", "name", "category")
_CONTEXT = ("page", "campaign", "locale", "screen", "library", "ip", "userAgent")
CONTEXTS = st.fixed_dictionaries({}, optional=dict.fromkeys(_CONTEXT, JSON))
CALLS = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "page", "screen", "identify"]) | JSON},
    optional=dict.fromkeys(_NAMES[1:] + _TIMES, JSON)
    | {
        "event": st.sampled_from(["Order Completed", "A"]) | JSON,
        "context": CONTEXTS | JSON,
        "properties": JSON
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("products", "total", "url", "order_id"), JSON)
        ),
    },
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Return one pipeline for all examples."""
    return Pipeline(tmp_path_factory.mktemp("pipeline")).prefetch()


@given(value=JSON | CALLS, batch=st.lists(CALLS | JSON, max_size=3) | JSON)
def test_any_body_gets_hits_or_a_refusal(
    pipeline: Pipeline, value: object, batch: object
) -> None:
    for path, body in (("/v1/t", value), ("/v1/batch", {"batch": batch})):
        try:
            decoded = ask(segment.PROTOCOL, path, body)
        except (MalformedBodyError, RefusedBodyError):
            continue
        assert isinstance(decoded, DecodedRequest)
        for decoded_hit in decoded.hits:
            if isinstance(decoded_hit, Hit):
                got = pipeline.outcome(decoded_hit, sender(), NOON)
                assert isinstance(got, Event | Dropped)
