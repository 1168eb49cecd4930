"""Turns calls in Segment's format, which several vendors' clients send, into hits.

``track``, ``page`` and ``screen`` calls are kept. Calls that only identify a person are
dropped. Ids of browsers and sessions, and traits, are discarded.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import (
    Time,
    VendorRequest,
    mapping_of,
    number_of,
    refused_hit,
    text_of,
    time_of,
    url_with_campaign,
)

IDENTITY = frozenset({"identify", "group", "alias"})
KINDS = frozenset({"track", "page", "screen"}) | IDENTITY

# Libraries that run on servers only; libraries for devices send from the visitor.
_SERVER_LIBRARIES = frozenset(
    {
        "@segment/analytics-node",
        *("analytics-node", "analytics-python", "analytics-ruby", "analytics-php"),
        *("analytics-java", "analytics-go", "analytics.net"),
        *("rudder-analytics-php", "rudder-analytics-python", "rudderanalytics.net"),
    }
)
# Segment's Signals plug-in reports every click and request under this name.
_SIGNAL = "Segment Signal Generated"
# RudderStack's client sends this automatically when the visitor leaves a page.
_PAGE_END = "Page Unloaded"
_CAMPAIGN = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}
# Properties that clients add to page calls automatically; tables have page columns.
_PAGE_PROPERTIES = frozenset(
    {
        *("url", "path", "search", "title", "tab_url", "referrer", "initial_referrer"),
        *("referring_domain", "initial_referring_domain"),
    }
)


class Envelope(NamedTuple):
    """The facts of a request that hold for all its calls.

    *kind* is the type of call if the path says it. *page* is the URL of a pixel's page.
    """

    key: str | None
    kind: str | None = None
    context: Mapping[str, Any] = {}
    sent_at: Time = None
    page: str | None = None


def envelope_of(
    request: VendorRequest, body: Mapping[str, Any], kind: str | None = None
) -> Envelope:
    """Return the envelope of the calls in *body*."""
    return Envelope(
        _key(body) or request.key or text_of(request.query.get("writeKey")),
        kind,
        mapping_of(body.get("context")),
        time_of(body.get("sentAt")) or text_of(request.header("SentAt")),
    )


class _Call(NamedTuple):
    """The parts of one call."""

    key: str | None
    fields: Mapping[str, Any]
    properties: Mapping[str, Any]
    context: Mapping[str, Any]
    envelope: Envelope


def call_hit(call: object, envelope: Envelope) -> VendorHit | Dropped:
    """Return the hit of a *call*, or the reason why it is dropped."""
    fields = mapping_of(call)
    key = _key(fields) or envelope.key
    kind = envelope.kind or text_of(fields.get("type"))
    if kind in IDENTITY:
        return VendorHit(key=key, refused=DropReason.IDENTITY)
    context = {**envelope.context, **mapping_of(fields.get("context"))}
    properties = mapping_of(fields.get("properties"))
    parts = _Call(key, fields, properties, context, envelope)
    if kind == "track":
        return _track_hit(parts)
    if kind in KINDS:
        return _view_hit(parts, "pageview" if kind == "page" else "screen")
    return refused_hit(key, DropReason.MALFORMED)


def _track_hit(call: _Call) -> VendorHit | Dropped:
    event = call.fields.get("event")
    if not isinstance(event, str) or not event.strip():
        return refused_hit(call.key, DropReason.MALFORMED)
    if event == _SIGNAL:
        return VendorHit(key=call.key, refused=DropReason.AUTOMATIC)
    hit = _hit(call, mapping_of(call.context.get("page")))
    hit.name, hit.order = _stored_name(event.strip(), call)
    hit.props = {**call.properties}
    return hit


def _stored_name(event: str, call: _Call) -> tuple[str, Order | None]:
    """Return the stored name of *event*, and its order."""
    if event == _PAGE_END and "autoTrack" in call.context:
        # Its duration is not used: a page can be open without being visible.
        return "engagement", None
    return commerce_of(event, call.properties)


def _view_hit(call: _Call, name: str) -> VendorHit:
    """Return the hit of a page or screen call."""
    page = {**mapping_of(call.context.get("page"))}
    overrides = {field: call.properties.get(field) for field in ("url", "referrer")}
    page |= {field: value for field, value in overrides.items() if text_of(value)}
    hit = _hit(call, page)
    hit.name = name
    titles = {field: call.fields.get(field) for field in ("name", "category")}
    site_props = call.properties.keys() - _PAGE_PROPERTIES
    hit.props = titles | {prop: call.properties[prop] for prop in site_props}
    return hit


def _hit(call: _Call, page: Mapping[str, Any]) -> VendorHit:
    """Return a hit with the fields that all calls have; *page* is the call's page."""
    fields, context, envelope = call.fields, call.context, call.envelope
    url = _page_url(page) or envelope.page
    return VendorHit(
        key=call.key,
        id=text_of(fields.get("messageId")),
        at=time_of(fields.get("timestamp")) or time_of(fields.get("originalTimestamp")),
        # A resent call may hold the time of its first sending; the envelope does not.
        sent_at=envelope.sent_at or time_of(fields.get("sentAt")),
        url=None if url is None else url_with_campaign(url, _campaign(context)),
        referrer=text_of(page.get("referrer")),
        lang=text_of(context.get("locale")),
        screen=_screen(mapping_of(context.get("screen"))),
        actor=text_of(fields.get("userId")),
        visitor=Visitor(text_of(context.get("ip")), text_of(context.get("userAgent"))),
        library=_is_server(mapping_of(context.get("library"))),
    )


def _key(fields: Mapping[str, Any]) -> str | None:
    return text_of(fields.get("writeKey"))


def _screen(screen: Mapping[str, Any]) -> list[float] | None:
    width = number_of(screen.get("width"))
    return None if width is None else [width, number_of(screen.get("height")) or 0]


def _is_server(library: Mapping[str, Any]) -> bool:
    return (text_of(library.get("name")) or "").lower() in _SERVER_LIBRARIES


def _page_url(page: Mapping[str, Any]) -> str | None:
    """Return the URL of *page*.

    RudderStack's client gives the fragment only in a second URL.
    """
    url = text_of(page.get("url"))
    fragment = (text_of(page.get("tab_url")) or "").partition("#")[2]
    return f"{url}#{fragment}" if url and fragment and "#" not in url else url


def _campaign(context: Mapping[str, Any]) -> dict[str, str]:
    """Return the campaign of a call, with the keys of a query."""
    fields = mapping_of(context.get("campaign"))
    values = {key: text_of(fields.get(field)) for field, key in _CAMPAIGN.items()}
    return {key: value for key, value in values.items() if value is not None}
