"""Turns one Google Analytics 4 event, from the tag or from a server, into a hit.

Parameters have the names of the Measurement Protocol; ``ga4_web`` translates the tag's
names. Ids of clients and sessions are discarded.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import VendorHit, Visitor, is_yes
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import Time, number_of, text_of

_PAGE_VIEW = "page_view"
_ENGAGEMENT = "user_engagement"
_SCROLL = "scroll"
# Google's tag sends one scroll event, at this depth.
_SCROLLED_PCT = 90
# Session markers, and the events that apps send automatically.
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
# Google's own parameters; a site cannot allow them as its properties.
_GOOGLE_PARAMETERS = frozenset(
    {
        *("page_location", "page_referrer", "page_title", "language"),
        *("screen_resolution", "engagement_time_msec", "session_id", "session_number"),
        *("client_id", "user_id", "link_url", "link_domain", "link_id", "link_text"),
        *("link_classes", "file_name", "file_extension", "ignore_referrer"),
        "ip_override",
    }
)
_GOOGLE_PREFIXES = ("_", "ga_", "firebase_", "google_")

Values = Mapping[str, Any]


class Envelope(NamedTuple):
    """The facts of a request that hold for all its events."""

    key: str | None
    secret: str | None = None
    actor: str | None = None
    visitor: Visitor | None = None
    at: Time = None
    is_server: bool = False
    optout: bool = False


def event_hit(name: object, params: Values, envelope: Envelope) -> VendorHit | Dropped:
    """Return the hit of one event."""
    if envelope.key is None:
        return Dropped(DropReason.MALFORMED)
    if not isinstance(name, str):
        return _refused_hit(envelope, DropReason.MALFORMED)
    if name in _AUTOMATIC:
        return _refused_hit(envelope, DropReason.AUTOMATIC)
    hit = VendorHit(
        key=envelope.key,
        secret=envelope.secret,
        url=text_of(params.get("page_location")),
        referrer=_referrer(params),
        lang=text_of(params.get("language")),
        screen=_screen(text_of(params.get("screen_resolution"))),
        engaged_ms=_engaged_ms(name, params, envelope),
        props=_site_props(params),
        at=envelope.at,
        actor=envelope.actor,
        visitor=envelope.visitor,
        optout=envelope.optout,
        library=envelope.is_server,
    )
    _set_name(hit, name, params)
    return hit


def _refused_hit(envelope: Envelope, reason: DropReason) -> VendorHit:
    return VendorHit(key=envelope.key, refused=reason, optout=envelope.optout)


def _set_name(hit: VendorHit, name: str, params: Values) -> None:
    """Set the stored name of *hit*, and the fields specific to that event."""
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


def _referrer(params: Values) -> str | None:
    """Return the referrer; it is the page itself if the tag says to ignore it.

    A referrer of the site itself is not stored and starts no acquisition.
    """
    referrer = text_of(params.get("page_referrer"))
    if referrer is not None and is_yes(params.get("ignore_referrer")):
        return text_of(params.get("page_location"))
    return referrer


def _engaged_ms(name: str, params: Values, envelope: Envelope) -> float | None:
    """Return the engagement since the previous event.

    Servers send a placeholder with other events, so only their engagement events count.
    """
    if envelope.is_server and name != _ENGAGEMENT:
        return None
    return number_of(params.get("engagement_time_msec"))


def _screen(resolution: str | None) -> list[float] | None:
    before, _, after = (resolution or "").partition("x")
    width, height = number_of(before), number_of(after)
    return None if width is None or height is None else [width, height]


def _site_props(params: Values) -> dict[str, object]:
    return {
        key: value
        for key, value in params.items()
        if key not in _GOOGLE_PARAMETERS and not key.startswith(_GOOGLE_PREFIXES)
    }
