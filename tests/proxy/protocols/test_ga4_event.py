"""One GA4 event is decoded: name, page, engagement, order, properties."""

from decimal import Decimal
from typing import Any

import pytest

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, OrderLine, VendorHit, Visitor
from proxy.protocols.ga4_event import Envelope, event_hit

TAG = Envelope("G-1")
SERVER = Envelope("G-1", secret="api-secret", is_server=True)  # noqa: S106 - the test's own
PAGE = "https://shop.example/products/blue-mug"


def hit(name: object, shared: Envelope = TAG, /, **params: Any) -> Any:
    """Return the hit of an event."""
    return event_hit(name, params, shared)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        pytest.param("page_view", {}, "pageview", id="page view"),
        pytest.param("user_engagement", {}, "engagement", id="attention"),
        pytest.param("scroll", {}, "engagement", id="scroll"),
        pytest.param("click", {"link_domain": "x.example"}, "outbound", id="link"),
        pytest.param("click", {}, "click", id="the site's own click"),
        pytest.param("file_download", {}, "download", id="download"),
        pytest.param("purchase", {}, "order_placed", id="order"),
        pytest.param("add_to_cart", {}, "cart_updated", id="cart"),
        pytest.param("sign_up", {}, "customer_registered", id="sign-up"),
        pytest.param("view_search_results", {}, "view_search_results", id="search"),
        pytest.param("form_submit", {}, "form_submit", id="form"),
        pytest.param("video_start", {}, "video_start", id="video"),
        pytest.param("signup_clicked", {}, "signup_clicked", id="the site's own"),
    ],
)
def test_an_event_is_stored_under_its_canonical_name(
    name: str, params: dict[str, Any], expected: str
) -> None:
    assert hit(name, **params).name == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("session_start", DropReason.AUTOMATIC, id="session"),
        pytest.param("first_visit", DropReason.AUTOMATIC, id="first visit"),
        pytest.param("first_open", DropReason.AUTOMATIC, id="of an app"),
        pytest.param(None, DropReason.MALFORMED, id="no name"),
        pytest.param(7, DropReason.MALFORMED, id="a number for a name"),
    ],
)
def test_non_events_are_counted_for_their_site(
    name: object, reason: DropReason
) -> None:
    assert hit(name) == VendorHit(key="G-1", refused=reason)


def test_an_event_without_a_key_is_malformed() -> None:
    assert hit("page_view", Envelope(None)) == Dropped(DropReason.MALFORMED)


def test_the_page_is_passed_on() -> None:
    got = hit(
        "page_view",
        page_location=PAGE,
        page_referrer="https://news.example/a",
        language="en-gb",
        screen_resolution="1440x900",
    )

    assert (got.url, got.referrer) == (PAGE, "https://news.example/a")
    assert (got.lang, got.screen) == ("en-gb", [1440, 900])


@pytest.mark.parametrize("value", ["1", "true", True, 1])
def test_an_ignored_referrer_is_replaced_by_the_page_itself(value: object) -> None:
    got = hit(
        "page_view",
        page_location=PAGE,
        page_referrer="https://pay.example/",
        ignore_referrer=value,
    )

    assert got.referrer == PAGE


def test_a_page_without_a_referrer_has_none_to_ignore() -> None:
    got = hit("page_view", page_location=PAGE, ignore_referrer="1")

    assert got.referrer is None


@pytest.mark.parametrize("size", ["1440", "x900", "wide x high", "", None, 7])
def test_a_screen_needs_width_and_height(size: object) -> None:
    assert hit("page_view", screen_resolution=size).screen is None


@pytest.mark.parametrize(
    ("name", "shared", "expected"),
    [
        pytest.param("user_engagement", TAG, 4774, id="attention"),
        pytest.param("page_view", TAG, 4774, id="any event of the tag"),
        pytest.param("user_engagement", SERVER, 4774, id="attention, server"),
        pytest.param("purchase", SERVER, None, id="a server's is made up"),
    ],
)
def test_only_pages_report_engagement_time(
    name: str, shared: Envelope, expected: float | None
) -> None:
    assert hit(name, shared, engagement_time_msec="4774").engaged_ms == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        pytest.param({}, 90, id="the tag's only depth"),
        pytest.param({"percent_scrolled": "25"}, 25, id="named"),
        pytest.param({"percent_scrolled": 0}, 0, id="none"),
    ],
)
def test_a_scroll_event_has_its_depth(params: dict[str, Any], expected: float) -> None:
    assert hit("scroll", **params).scroll_pct == expected


def test_links_and_downloads_get_the_names_of_the_own_tag() -> None:
    link: dict[str, Any] = {
        "link_domain": "x.example",
        "link_url": "https://x.example/a?b",
    }

    assert hit("click", **link).props == {"host": "x.example"}
    assert hit("file_download", file_name="/docs/a.pdf").props == {"file": "a.pdf"}


def test_an_order_has_its_amounts() -> None:
    got = hit(
        "purchase",
        transaction_id="1001",
        value=Decimal("59.90"),
        currency="EUR",
        items=[{"item_id": "MUG", "price": "15", "quantity": "2"}],
    )

    assert got.order == Order(
        id="1001",
        currency="EUR",
        value=Decimal("59.90"),
        items=[OrderLine(product="MUG", quantity=Decimal(2), price=Decimal(15))],
    )


def test_google_parameters_are_not_site_properties() -> None:
    own: dict[str, Any] = {
        "session_id": "1700000000",
        "engagement_time_msec": 1,
        "page_title": "Blue Mug",
        "ga_session_id": "17",
        "_p": "1",
        "link_text": "mail ada",
        "user_id": "user-42",
    }

    assert hit("a", **own, plan="pro").props == {"plan": "pro"}


def test_request_values_apply_to_every_event() -> None:
    spoken = Visitor("203.0.113.9", "Firefox")
    shared = SERVER._replace(actor="user-42", visitor=spoken, at=17.5, optout=True)

    got = hit("a", shared)

    assert (got.key, got.secret, got.actor) == ("G-1", "api-secret", "user-42")
    assert (got.visitor, got.at) == (spoken, 17.5)
    assert (got.library, got.optout) == (True, True)
    assert hit("session_start", shared).optout is True
