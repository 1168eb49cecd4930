"""One Mixpanel event is decoded: name, key, time, page, customer, properties."""

from decimal import Decimal
from typing import Any

import pytest

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, OrderLine, VendorHit, Visitor
from proxy.protocols.mixpanel_event import Envelope, event_hit, profile_hit

PAGE = "https://shop.example/products/blue-mug"
NOTHING_SAID = Envelope()


def hit(
    name: object = "Signup Clicked", envelope: Envelope = NOTHING_SAID, **changes: Any
) -> Any:
    """Return the hit of a browser event."""
    plain = {"token": "pk-1", "mp_lib": "web"}
    return event_hit({"event": name, "properties": plain | changes}, envelope)


def dollar_names(**properties: Any) -> dict[str, Any]:
    """Return properties with names that begin with a dollar sign."""
    return {f"${name}": value for name, value in properties.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("$mp_web_page_view", "pageview", id="page view"),
        pytest.param("mp_page_view", "pageview", id="page view of old clients"),
        pytest.param("$mp_scroll", "engagement", id="scroll"),
        pytest.param("$mp_page_leave", "engagement", id="end of a page"),
        pytest.param("Order Completed", "order_placed", id="commerce"),
        pytest.param("Page View", "Page View", id="a page view without a page"),
        pytest.param("", "", id="empty: the pipeline refuses it"),
    ],
)
def test_an_event_is_stored_under_its_canonical_name(name: str, expected: str) -> None:
    got = hit(name)

    assert (got.name, got.refused) == (expected, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, "pageview")
            for name in (
                *("Page View", "pageview", "page_view", "PageView", "Page Viewed"),
                *("Viewed Page", "View Page", "Page Load", "Loaded a Page"),
                *("page-viewed", "Pageviews", "Web Page View", "Visited Page"),
            )
        ),
        ("Product Page View", "Product Page View"),
        ("Viewed Page 2", "Viewed Page 2"),
        ("Home Page", "Home Page"),
    ],
)
def test_a_page_view_that_the_site_reports_itself_is_a_page_view(
    name: str, expected: str
) -> None:
    named = hit(name, **dollar_names(current_url=PAGE))
    by_parts = hit(name, current_domain="shop.example", current_url_path="/a")

    assert (named.name, by_parts.name) == (expected, expected)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("$identify", DropReason.IDENTITY, id="identify"),
        pytest.param("$create_alias", DropReason.IDENTITY, id="alias"),
        pytest.param("$merge", DropReason.IDENTITY, id="merge"),
        pytest.param("$mp_click", DropReason.AUTOMATIC, id="click"),
        pytest.param("$mp_dead_click", DropReason.AUTOMATIC, id="dead click"),
        pytest.param("$mp_input_change", DropReason.AUTOMATIC, id="form field"),
        pytest.param("$mp_session_record", DropReason.AUTOMATIC, id="replay"),
        pytest.param("$experiment_started", DropReason.AUTOMATIC, id="flag"),
        pytest.param("$ae_session", DropReason.AUTOMATIC, id="of an app"),
        pytest.param(None, DropReason.MALFORMED, id="no name"),
        pytest.param(7, DropReason.MALFORMED, id="a number for a name"),
        pytest.param(["a"], DropReason.MALFORMED, id="a list for a name"),
    ],
)
def test_non_events_are_counted_for_their_site(
    name: object, reason: DropReason
) -> None:
    assert hit(name) == VendorHit(key="pk-1", refused=reason)


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        pytest.param(
            {"$token": "pk-1", "$set": {"$email": "ada@mail.example"}},
            VendorHit(key="pk-1", refused=DropReason.IDENTITY),
            id="profile",
        ),
        pytest.param(
            {"$token": "pk-1", "$group_key": "company", "$group_id": "9"},
            VendorHit(key="pk-1", refused=DropReason.IDENTITY),
            id="group",
        ),
        pytest.param(
            {"$token": "pk-1", "$append": {"$transactions": {"$amount": 59.9}}},
            VendorHit(key="pk-1", refused=DropReason.IDENTITY),
            id="charge",
        ),
        pytest.param({"$set": {}}, Dropped(DropReason.MALFORMED), id="no token"),
        pytest.param("$set", Dropped(DropReason.MALFORMED), id="no object"),
    ],
)
def test_a_profile_stores_nothing(
    update: object, expected: VendorHit | Dropped
) -> None:
    assert profile_hit(update, Envelope()) == expected


def test_an_invalid_profile_is_malformed_for_the_site_of_the_header() -> None:
    got = profile_hit("$set", Envelope("secret"))

    assert got == VendorHit(key="secret", refused=DropReason.MALFORMED)


@pytest.mark.parametrize(
    ("properties", "header", "expected"),
    [
        pytest.param({"token": "pk-1"}, None, "pk-1", id="token of the event"),
        pytest.param({"token": "pk-1"}, "secret", "pk-1", id="before the header's"),
        pytest.param({}, "secret", "secret", id="only the header, as in imports"),
        pytest.param({"token": ""}, "secret", "secret", id="empty token"),
    ],
)
def test_the_key_is_the_event_token_or_the_header_credential(
    properties: dict[str, str], header: str | None, expected: str
) -> None:
    got = event_hit({"event": "a", "properties": properties}, Envelope(header))

    assert isinstance(got, VendorHit)
    assert got.key == expected


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"event": "a", "properties": {}}, id="no token"),
        pytest.param({"event": "$identify"}, id="no properties"),
        pytest.param({"event": "a", "properties": ["token"]}, id="a list of them"),
        pytest.param({"event": "a", "properties": {"token": {}}}, id="no text"),
        pytest.param("a", id="no object"),
        pytest.param(None, id="nothing"),
    ],
)
def test_an_event_without_any_key_is_malformed(event: object) -> None:
    assert event_hit(event, Envelope()) == Dropped(DropReason.MALFORMED)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        pytest.param(Decimal("1795359088.475"), 1795359088.475, id="with a fraction"),
        pytest.param(1795359088, 1795359088.0, id="seconds"),
        pytest.param(1795359088475, 1795359088475.0, id="milliseconds"),
        pytest.param("1795359088", 1795359088.0, id="as text"),
        pytest.param("yesterday", "yesterday", id="no time, refused later"),
        pytest.param(None, None, id="none"),
        pytest.param({}, None, id="an object"),
    ],
)
def test_time_is_read_in_seconds_or_milliseconds(
    time: object, expected: str | float | None
) -> None:
    assert hit(time=time).at == expected


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        pytest.param("web", 1795359089996.0, id="browser"),
        pytest.param("python", None, id="server"),
    ],
)
def test_only_a_browser_clock_is_corrected(
    library: str, expected: float | None
) -> None:
    envelope = Envelope(sent_at=1795359089996.0)

    assert hit(envelope=envelope, mp_lib=library).sent_at == expected


def test_the_message_id_combines_id_and_name() -> None:
    insert = dollar_names(insert_id="f3hvcbeygvky42ib")

    assert hit("a", **insert).id == hit("a", **insert).id
    assert hit("a", **insert).id != hit("b", **insert).id
    assert hit("a").id is None


@pytest.mark.parametrize(
    ("properties", "envelope", "expected"),
    [
        *(
            pytest.param({"mp_lib": name}, Envelope(), True, id=name)
            for name in ("python", "node", "php", "ruby", "go", "jdk")
        ),
        pytest.param({"mp_lib": "web"}, Envelope(), False, id="browser"),
        pytest.param(
            {"mp_lib": "web"}, Envelope(is_server_address=True), False, id="its ip=0"
        ),
        pytest.param({"mp_lib": "swift"}, Envelope(), False, id="app"),
        pytest.param({"mp_lib": ["python"]}, Envelope(), False, id="no name"),
        pytest.param({"mp_lib": None}, Envelope(), False, id="unnamed"),
        pytest.param(
            {"mp_lib": None}, Envelope(is_server_address=True), True, id="Node's batch"
        ),
        pytest.param({"mp_lib": "web"}, Envelope(is_import=True), True, id="import"),
    ],
)
def test_a_server_library_is_recognized_by_its_name(
    properties: dict[str, Any],
    envelope: Envelope,
    expected: bool,  # noqa: FBT001 - a case's value
) -> None:
    assert hit(envelope=envelope, **properties).library is expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(dollar_names(user_id="user-42"), "user-42", id="identified"),
        pytest.param({"distinct_id": "$device:79e1"}, None, id="a device"),
        pytest.param(
            {"distinct_id": "1a20-0e59", **dollar_names(device_id="1a20-0e59")},
            None,
            id="a device of old clients",
        ),
        pytest.param({"distinct_id": "user-42"}, None, id="not said to be known"),
        pytest.param(
            {"mp_lib": "python", "distinct_id": "user-42"}, "user-42", id="server"
        ),
        pytest.param(
            {"mp_lib": "node", "distinct_id": "x", **dollar_names(user_id="user-42")},
            "user-42",
            id="server, both",
        ),
        pytest.param(
            {"mp_lib": "go", "distinct_id": "$device:79e1"}, None, id="server, device"
        ),
        pytest.param(
            {"mp_lib": "php", "distinct_id": "79e1", **dollar_names(device_id="79e1")},
            None,
            id="server, bare device",
        ),
        pytest.param({"mp_lib": "ruby", "distinct_id": ""}, None, id="server, nobody"),
        pytest.param({"mp_lib": "ruby", "distinct_id": 17}, "17", id="server, number"),
    ],
)
def test_the_actor_is_an_identified_customer(
    properties: dict[str, Any], expected: str | None
) -> None:
    assert hit(**properties).actor == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(
            {"ip": "203.0.113.9", **dollar_names(user_agent="Firefox")},
            Visitor("203.0.113.9", "Firefox"),
            id="both",
        ),
        pytest.param(
            dollar_names(ip="203.0.113.9", user_agent="Firefox"),
            Visitor("203.0.113.9", "Firefox"),
            id="spelled with a dollar",
        ),
        pytest.param({"ip": "203.0.113.9"}, None, id="address alone"),
        pytest.param(dollar_names(user_agent="Firefox"), None, id="agent alone"),
    ],
)
def test_a_server_names_a_visitor_by_address_and_agent(
    properties: dict[str, Any], expected: Visitor | None
) -> None:
    assert hit(**properties).visitor == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(dollar_names(current_url=PAGE), PAGE, id="whole"),
        pytest.param(
            {
                "current_url_protocol": "https:",
                "current_domain": "shop.example",
                "current_url_path": "/products/blue-mug",
                "current_url_search": "?page=2",
            },
            f"{PAGE}?page=2",
            id="in parts",
        ),
        pytest.param(
            {"current_domain": "shop.example"}, "https://shop.example/", id="a host"
        ),
        pytest.param({"current_url_path": "/a"}, None, id="no host"),
        pytest.param({}, None, id="none"),
        pytest.param(
            {**dollar_names(current_url=f"{PAGE}?a=1#x"), "utm_source": "a b"},
            f"{PAGE}?a=1&utm_source=a+b#x",
            id="campaign that is remembered",
        ),
        pytest.param(
            {**dollar_names(current_url=PAGE), "utm_source": "x", "utm_term": None},
            f"{PAGE}?utm_source=x",
            id="campaign, no query",
        ),
        pytest.param(
            {**dollar_names(current_url=f"{PAGE}?UTM_medium=email"), "utm_source": "x"},
            f"{PAGE}?UTM_medium=email",
            id="the page's own campaign counts",
        ),
        pytest.param(
            {**dollar_names(current_url=PAGE), "utm_source": ["x"]}, PAGE, id="no text"
        ),
    ],
)
def test_the_page_is_that_of_the_event_with_its_stored_campaign(
    properties: dict[str, Any], expected: str | None
) -> None:
    assert hit(**properties).url == expected


def test_referrer_screen_and_scroll_are_passed_on() -> None:
    got = hit(
        "$mp_page_leave",
        **dollar_names(
            referrer="https://news.example/a",
            screen_width=1440,
            screen_height=900,
            max_scroll_percentage=80,
        ),
    )

    assert (got.referrer, got.screen) == ("https://news.example/a", [1440, 900])
    assert got.scroll_pct == 80
    assert hit("a", **dollar_names(screen_width=1440)).screen is None


def test_an_order_has_its_amounts() -> None:
    got = hit(
        "Order Completed",
        order_id="1001",
        total=Decimal("59.9"),
        currency="EUR",
        products=[{"product_id": "p", "price": 15, "quantity": 2}],
    )

    assert got.order == Order(
        id="1001",
        currency="EUR",
        value=Decimal("59.9"),
        items=[OrderLine(product="p", quantity=Decimal(2), price=Decimal(15))],
    )


def test_mixpanel_properties_are_not_site_properties() -> None:
    own = {
        "distinct_id": "user-42",
        "time": 1,
        "ip": "203.0.113.9",
        "alias": "anon",
        "current_url_search": "?email=ada",
        "mp_country_code": "SE",
        "utm_source": "x",
        "initial_utm_source": "x",
        **dollar_names(device_id="79e1", email="ada@mail.example", city="Lund"),
    }

    assert hit(**own, plan="pro", seats=3).props == {"plan": "pro", "seats": 3}
