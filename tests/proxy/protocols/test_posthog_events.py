"""PostHog events are decoded field by field; other fields are ignored."""

from decimal import Decimal
from typing import Any

import pytest

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, Order, OrderLine, VendorHit, Visitor
from proxy.protocols.posthog_events import Envelope, hit_of

KEYED = Envelope(key="phc_shop")
PAGE = "https://shop.example/p/42"


def hit(event: object, envelope: Envelope = KEYED) -> VendorHit:
    """Return the hit of *event*; a malformed event fails."""
    got = hit_of(event, envelope)
    assert isinstance(got, VendorHit)
    return got


def event_with(name: str, **properties: Any) -> dict[str, Any]:
    """Return an event with client *properties*; their names have _ instead of $."""
    spelled = {f"${key[1:]}": value for key, value in properties.items()}
    return {"event": name, "properties": spelled}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("$pageview", "pageview"),
        ("$pageleave", "engagement"),
        ("$screen", "screen"),
        ("Plan Chosen", "Plan Chosen"),
        ("Order Completed", "order_placed"),
        ("order.placed", "order_placed"),
        ("$purchase", "order_placed"),
        ("add_to_cart", "cart_updated"),
    ],
)
def test_events_keep_their_name_or_get_the_canonical_one(
    name: str, expected: str
) -> None:
    assert hit(event_with(name)).name == expected
    assert hit(event_with(name)).refused is None


IDENTITY = [
    *("$identify", "$create_alias", "$merge_dangerously", "$groupidentify"),
    *("$set", "$set_once", "$unset"),
]
AUTOMATIC = [
    *("$autocapture", "$rageclick", "$dead_click", "$copy_autocapture", "$heatmap"),
    *("$$heatmap", "$web_vitals", "$performance_event", "$exception", "$snapshot"),
    *("$feature_flag_called", "$feature_view", "$feature_interaction", "$opt_in"),
    *("$feature_enrollment_update", "$experiment_started", "$csp_violation"),
    *("$$client_ingestion_warning", "$ai_generation", "$ai_span", "$anything_else"),
]


@pytest.mark.parametrize("name", IDENTITY)
def test_identity_calls_are_dropped_as_identity(name: str) -> None:
    got = hit(event_with(name, _set={"email": "ada@example.com"}))

    assert got == VendorHit(key="phc_shop", refused=DropReason.IDENTITY)


@pytest.mark.parametrize("name", AUTOMATIC)
def test_automatic_events_are_dropped_as_automatic(name: str) -> None:
    assert hit(event_with(name)) == VendorHit(
        key="phc_shop", refused=DropReason.AUTOMATIC
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({}, id="empty"),
        pytest.param({"event": None, "properties": {}}, id="null"),
        pytest.param({"event": 7}, id="a number"),
        pytest.param({"event": " "}, id="blank"),
        pytest.param({"event": ["$pageview"]}, id="a list"),
        pytest.param("$pageview", id="a text"),
        pytest.param(None, id="nothing"),
        pytest.param([{"event": "x"}], id="a list of events"),
    ],
)
def test_an_event_without_a_name_is_counted_for_its_key(event: object) -> None:
    got = hit(event)

    assert got == VendorHit(key="phc_shop", refused=DropReason.MALFORMED)
    assert hit_of(event, Envelope()) == Dropped(DropReason.MALFORMED)


def test_a_profile_without_an_event_is_an_identity() -> None:
    event = {"token": "k", "$distinct_id": "u", "$set": {"email": "ada@example.com"}}

    assert hit(event, Envelope()).refused is DropReason.IDENTITY


@pytest.mark.parametrize(
    ("event", "envelope", "expected"),
    [
        ({"api_key": "a", "properties": {"token": "b"}}, KEYED, "phc_shop"),
        ({"api_key": "a", "properties": {"token": "b"}}, Envelope(), "a"),
        ({"token": "a", "properties": {"token": "b"}}, Envelope(), "a"),
        ({"$token": "a"}, Envelope(), "a"),
        ({"properties": {"token": "b"}}, Envelope(fallback_key="z"), "b"),
        ({}, Envelope(fallback_key="z"), "z"),
        ({"api_key": {}, "token": "", "properties": {"token": []}}, Envelope(), None),
    ],
)
def test_the_key_is_searched_in_a_fixed_order(
    event: dict[str, Any], envelope: Envelope, expected: str | None
) -> None:
    assert hit({"event": "x", **event}, envelope).key == expected


AT, SENT = "2026-11-22T14:49:30.386Z", "2026-11-22T14:49:30.443Z"


@pytest.mark.parametrize(
    ("event", "sent_at", "expected"),
    [
        pytest.param({"timestamp": AT}, SENT, (AT, SENT), id="corrected"),
        pytest.param({"timestamp": AT}, None, (AT, None), id="as it says"),
        pytest.param({"offset": 2901}, None, (-2.901, 0), id="waited"),
        pytest.param({"offset": 2901}, SENT, (-2.901, 0), id="waited, sent"),
        pytest.param({"offset": 5, "timestamp": AT}, SENT, (AT, SENT), id="both"),
        pytest.param({"offset": 5, "timestamp": AT}, None, (-0.005, 0), id="not sent"),
        pytest.param({"timestamp": 1795358970.5}, None, (1795358970.5, None), id="s"),
        pytest.param({"timestamp": "1795358970500"}, None, (1795358970500.0, None)),
        pytest.param({"timestamp": {}}, SENT, (None, SENT), id="no time"),
        pytest.param({}, None, (None, None), id="nothing"),
        pytest.param(
            {"timestamp": AT, "options": {"disable_skew_correction": True}},
            SENT,
            (AT, None),
            id="to be believed, version 1",
        ),
        pytest.param(
            {"timestamp": AT, "properties": {"$ignore_sent_at": True}},
            SENT,
            (AT, None),
            id="to be believed",
        ),
    ],
)
def test_times_have_the_client_clock_and_its_offset(
    event: dict[str, Any], sent_at: str | None, expected: tuple[Any, Any]
) -> None:
    got = hit({"event": "x", **event}, Envelope(sent_at=sent_at))

    assert (got.at, got.sent_at) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"uuid": "u-1", "properties": {"$insert_id": "i-1"}}, "u-1"),
        ({"properties": {"$insert_id": "i-1"}}, "i-1"),
        ({"uuid": {}}, None),
        ({}, None),
    ],
)
def test_the_message_id_is_the_uuid(
    event: dict[str, Any], expected: str | None
) -> None:
    assert hit({"event": "x", **event}).id == expected


DEVICE = {"distinct_id": "anon", "$device_id": "anon"}
KNOWN = {"distinct_id": "user-42", "$device_id": "anon", "$user_id": "user-42"}
SERVER = {"$lib": "posthog-node"}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param({"properties": DEVICE}, None, id="anonymous, old client"),
        pytest.param(
            {"properties": {**DEVICE, "$is_identified": False}}, None, id="anonymous"
        ),
        pytest.param({"properties": KNOWN}, "user-42", id="identified, old client"),
        pytest.param(
            {"properties": {**KNOWN, "$is_identified": True}}, "user-42", id="known"
        ),
        pytest.param(
            {"properties": {**KNOWN, "$is_identified": False}}, None, id="after reset"
        ),
        pytest.param(
            {"properties": {**DEVICE, "$is_identified": True}}, None, id="the device"
        ),
        pytest.param(
            {"properties": {"distinct_id": 17, "$is_identified": True}},
            "17",
            id="known from the start, by number",
        ),
        pytest.param({"distinct_id": "user-42"}, None, id="who knows who sent it"),
        pytest.param(
            {"distinct_id": "user-42", "properties": SERVER}, "user-42", id="a server"
        ),
        pytest.param(
            {"properties": {"distinct_id": "user-42", "$is_server": True}},
            "user-42",
            id="a server that says so",
        ),
        pytest.param(
            {
                "distinct_id": "r4nd0m",
                "properties": {**SERVER, "$process_person_profile": False},
            },
            None,
            id="a server's event without a person",
        ),
        pytest.param(
            {
                "distinct_id": "r4nd0m",
                "options": {"process_person_profile": False},
                "properties": {"$is_server": True},
            },
            None,
            id="the same, version 1",
        ),
        pytest.param({"properties": {**SERVER, "distinct_id": {}}}, None, id="no id"),
    ],
)
def test_only_an_identified_customer_is_an_actor(
    event: dict[str, Any], expected: str | None
) -> None:
    assert hit({"event": "x", **event}).actor == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"$lib": "posthog-python"}, True),
        ({"$lib": "posthog-edge"}, True),
        ({"$is_server": True}, True),
        ({"$lib": "web"}, False),
        ({"$lib": "posthog-android"}, False),
        ({"$lib": ["posthog-node"], "$is_server": "true"}, False),
        ({}, False),
    ],
)
def test_a_server_library_is_recognized_by_its_name(
    properties: dict[str, Any], *, expected: bool
) -> None:
    assert hit({"event": "x", "properties": properties}).library is expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"$ip": "203.0.113.7", "$raw_user_agent": "Firefox"},
            Visitor("203.0.113.7", "Firefox"),
        ),
        (
            {"$ip": "203.0.113.7", "$user_agent": "Firefox"},
            Visitor("203.0.113.7", "Firefox"),
        ),
        ({"$ip": "203.0.113.7"}, Visitor("203.0.113.7")),
        ({"$raw_user_agent": "Firefox"}, None),
        ({"$ip": 7, "$raw_user_agent": {}}, None),
    ],
)
def test_the_visitor_is_the_client_a_server_names(
    properties: dict[str, Any], expected: Visitor | None
) -> None:
    assert hit({"event": "x", "properties": properties}).visitor == expected


def test_a_page_view_has_page_referrer_language_and_screen() -> None:
    got = hit(
        event_with(
            "$pageview",
            _current_url=f"{PAGE}?utm_source=news",
            _referrer="https://news.example/a",
            _browser_language="en-GB",
            _screen_width=1440,
            _screen_height=900,
            _prev_pageview_max_content_percentage=0.5,
        )
    )

    assert got.url == f"{PAGE}?utm_source=news"
    assert got.referrer == "https://news.example/a"
    assert (got.lang, got.screen) == ("en-GB", [1440.0, 900.0])
    assert (got.engaged_ms, got.scroll_pct) == (None, None)


@pytest.mark.parametrize(
    ("properties", "url", "scroll_pct"),
    [
        pytest.param({}, PAGE, None, id="an old client"),
        pytest.param(
            {
                "$pathname": "/p/42",
                "$prev_pageview_pathname": "/p/42",
                "$prev_pageview_max_content_percentage": Decimal("0.25"),
            },
            PAGE,
            25,
            id="the current page",
        ),
        pytest.param(
            {
                "$pathname": "/p/42",
                "$prev_pageview_pathname": "/p/1",
                "$prev_pageview_max_content_percentage": 1,
            },
            "https://shop.example/p/1",
            100,
            id="the page that was viewed",
        ),
        pytest.param(
            {"$prev_pageview_pathname": "//[", "$prev_pageview_duration": 5.0},
            PAGE,
            None,
            id="no path",
        ),
    ],
)
def test_a_page_leave_has_scroll_depth_without_time(
    properties: dict[str, Any], url: str, scroll_pct: float | None
) -> None:
    got = hit(
        {"event": "$pageleave", "properties": {"$current_url": PAGE, **properties}}
    )

    assert (got.url, got.scroll_pct) == (url, scroll_pct)
    assert got.engaged_ms is None


def test_only_site_properties_are_kept() -> None:
    added = {"distinct_id": "u", "token": "k", "title": "Hello Ada", "gclid": "c"}
    own = {"plan": "pro", "seats": 3}
    event = {
        "event": "Plan Chosen",
        "properties": {"$device_id": "d", "$set": {}, "_kx": "c", **added, **own},
        "$set": {"email": "ada@example.com"},
        "$set_once": {"x": 1},
    }

    assert hit(event).props == own


def test_an_order_is_read_with_all_fields() -> None:
    properties = {
        "order_id": "1001",
        "currency": "EUR",
        "total": Decimal("59.90"),
        "products": [{"product_id": "42", "price": 15, "quantity": 2}],
        "$current_url": PAGE,
    }
    got = hit({"event": "Order Completed", "properties": properties})

    assert got.order == Order(
        id="1001",
        currency="EUR",
        value=Decimal("59.90"),
        items=[OrderLine(product="42", price=Decimal(15), quantity=Decimal(2))],
    )


def test_the_hit_contains_only_kept_values() -> None:
    fields = set(Hit.__struct_fields__)
    got = hit({"event": "$identify", "distinct_id": "user-42", "properties": KNOWN})

    assert {getattr(got, name) for name in fields - {"key", "name"}} <= {None, False}
