"""One event of Google Analytics 4 as a hit, whichever way it came.

Its parameters are those of the Measurement Protocol, into which the dialect of the tag
is translated. Ids of clients and sessions end here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import number_of, text_of

_PAGE_VIEW = "page_view"
_ENGAGEMENT = "user_engagement"
_SCROLL = "scroll"
# Google's tag sends a scroll once, at this depth.
_SCROLLED_PCT = 90
# Marks of Google's sessions, and what apps send by themselves.
_AUTOMATIC = frozenset(
    {
        *("session_start", "first_visit", "first_open", "screen_view", "error"),
        *("app_clear_data", "app_exception", "app_remove", "app_update", "os_update"),
        *("ad_click", "ad_exposure", "ad_impression", "ad_query", "ad_reward"),
        *("adunit_exposure", "app_background", "firebase_campaign", "in_app_purchase"),
        *("notification_dismiss", "notification_foreground", "notification_open"),
        *("notification_receive", "notification_send", "dynamic_link_app_open"),
        *("dynamic_link_app_update", "dynamic_link_first_open"),
    }
)
# Google's own parameters, which are none of the site's, whatever it allows.
_OWN = frozenset(
    {
        *("page_location", "page_referrer", "page_title", "language"),
        *("screen_resolution", "engagement_time_msec", "session_id", "session_number"),
        *("client_id", "user_id", "link_url", "link_domain", "link_id", "link_text"),
        *("link_classes", "file_name", "file_extension", "ignore_referrer"),
        "ip_override",
    }
)
_OWN_BEGINNINGS = ("_", "ga_", "firebase_", "google_")

Values = Mapping[str, Any]


class Envelope(NamedTuple):
    """What a request says of all its events."""

    key: str | None
    secret: str | None = None
    actor: str | None = None
    visitor: Visitor | None = None
    at: float | None = None
    is_server: bool = False
    optout: bool = False


def event_hit(name: object, params: Values, shared: Envelope) -> VendorHit | Dropped:
    """Return the hit of one event."""
    if shared.key is None:
        return Dropped(DropReason.MALFORMED)
    if not isinstance(name, str):
        return _refused(shared, DropReason.MALFORMED)
    if name in _AUTOMATIC:
        return _refused(shared, DropReason.AUTOMATIC)
    hit = VendorHit(
        key=shared.key,
        secret=shared.secret,
        url=text_of(params.get("page_location")),
        referrer=text_of(params.get("page_referrer")),
        lang=text_of(params.get("language")),
        screen=_screen(text_of(params.get("screen_resolution"))),
        engaged_ms=_engaged_ms(name, params, shared),
        props=_site_props(params),
        at=shared.at,
        actor=shared.actor,
        visitor=shared.visitor,
        optout=shared.optout,
        library=shared.is_server,
    )
    _name(hit, name, params)
    return hit


def _refused(shared: Envelope, reason: DropReason) -> VendorHit:
    return VendorHit(key=shared.key, refused=reason, optout=shared.optout)


def _name(hit: VendorHit, name: str, params: Values) -> None:
    """Name *hit*, with what belongs to an event of that name."""
    host = text_of(params.get("link_domain"))
    if name == _PAGE_VIEW:
        hit.name = "pageview"
    elif name == _ENGAGEMENT:
        hit.name = "engagement"
    elif name == _SCROLL:
        hit.name = "engagement"
        hit.scroll_pct = number_of(params.get("percent_scrolled", _SCROLLED_PCT))
    elif name == "click" and host is not None:
        hit.name, hit.props = "outbound", {"host": host}
    elif name == "file_download":
        file = (text_of(params.get("file_name")) or "").rpartition("/")[2]
        hit.name, hit.props = "download", {"file": file}
    else:
        hit.name, hit.order = commerce_of(name, params)


def _engaged_ms(name: str, params: Values, shared: Envelope) -> float | None:
    """Return the attention since the event before; servers make theirs up."""
    if shared.is_server and name != _ENGAGEMENT:
        return None
    return number_of(params.get("engagement_time_msec"))


def _screen(text: str | None) -> list[float] | None:
    width, _, height = (text or "").partition("x")
    found = (number_of(width), number_of(height))
    return None if found[0] is None or found[1] is None else [found[0], found[1]]


def _site_props(params: Values) -> dict[str, object]:
    return {
        key: value
        for key, value in params.items()
        if key not in _OWN and not key.startswith(_OWN_BEGINNINGS)
    }
