"""Calls of Segment's kind, which several vendors' clients speak, turned into hits.

``track``, ``page`` and ``screen`` are kept; calls that only say who somebody is are
not, and neither are the ids of browsers and sessions, and traits.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Order, VendorHit, Visitor
from proxy.protocols.commerce import commerce_of
from proxy.protocols.protocol import (
    VendorRequest,
    mapping_of,
    number_of,
    refused_hit,
    text_of,
)

IDENTITY = frozenset({"identify", "group", "alias"})
KINDS = frozenset({"track", "page", "screen"}) | IDENTITY

# Libraries that run on a server alone; those for devices send for their visitor.
_SERVER_LIBRARIES = frozenset(
    {
        "@segment/analytics-node",
        *(f"analytics-{each}" for each in ("node", "python", "ruby", "php", "java")),
        *("analytics-go", "analytics.net"),
        *("rudder-analytics-php", "rudder-analytics-python", "rudderanalytics.net"),
    }
)
# A plug-in of Segment's reports every click and request under this one name.
_SIGNAL = "Segment Signal Generated"
# What RudderStack's client sends by itself where a page ends.
_PAGE_END = "Page Unloaded"
_CAMPAIGN = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}
# What clients put in a page call by themselves; the page has its own columns.
_OF_PAGE = frozenset(
    {
        *("url", "path", "search", "title", "tab_url", "referrer", "initial_referrer"),
        *("referring_domain", "initial_referring_domain"),
    }
)


class Envelope(NamedTuple):
    """What a request says around its calls; *kind* where its path names one.

    *page* is the page that a pixel stands on.
    """

    key: str | None
    kind: str | None = None
    context: Mapping[str, Any] = {}
    sent_at: str | float | None = None
    page: str | None = None


def envelope(
    request: VendorRequest, body: Mapping[str, Any], kind: str | None = None
) -> Envelope:
    """Return what *request* says around the calls of its *body*."""
    return Envelope(
        _key(body) or request.key or text_of(request.query.get("writeKey")),
        kind,
        mapping_of(body.get("context")),
        _time(body.get("sentAt")) or text_of(request.header("SentAt")),
    )


class _Call(NamedTuple):
    """One call, taken apart."""

    key: str | None
    fields: Mapping[str, Any]
    properties: Mapping[str, Any]
    context: Mapping[str, Any]
    around: Envelope


def call_hit(call: object, around: Envelope) -> VendorHit | Dropped:
    """Return the hit of a *call*, or what it is refused for."""
    fields = mapping_of(call)
    key = _key(fields) or around.key
    kind = around.kind or text_of(fields.get("type"))
    if kind in IDENTITY:
        return VendorHit(key=key, refused=DropReason.IDENTITY)
    context = {**around.context, **mapping_of(fields.get("context"))}
    properties = mapping_of(fields.get("properties"))
    taken = _Call(key, fields, properties, context, around)
    if kind == "track":
        return _track(taken)
    if kind in KINDS:
        return _view(taken, "pageview" if kind == "page" else "screen")
    return refused_hit(key, DropReason.MALFORMED)


def _track(call: _Call) -> VendorHit | Dropped:
    event = call.fields.get("event")
    if not isinstance(event, str) or not event.strip():
        return refused_hit(call.key, DropReason.MALFORMED)
    if event == _SIGNAL:
        return VendorHit(key=call.key, refused=DropReason.AUTOMATIC)
    hit = _hit(call, mapping_of(call.context.get("page")))
    hit.name, hit.order = _named(event.strip(), call)
    hit.props = {**call.properties}
    return hit


def _named(event: str, call: _Call) -> tuple[str, Order | None]:
    """Return the canonical name of *event*, and its order."""
    if event == _PAGE_END and "autoTrack" in call.context:
        # How long the page was open is not how long it was looked at.
        return "engagement", None
    return commerce_of(event, call.properties)


def _view(call: _Call, name: str) -> VendorHit:
    """Return the hit of a page or screen that was shown; its call may name it."""
    page = {**mapping_of(call.context.get("page"))}
    named = {each: call.properties.get(each) for each in ("url", "referrer")}
    page |= {each: value for each, value in named.items() if text_of(value)}
    hit = _hit(call, page)
    hit.name = name
    titles = {each: call.fields.get(each) for each in ("name", "category")}
    rest = {each: call.properties[each] for each in call.properties.keys() - _OF_PAGE}
    hit.props = titles | rest
    return hit


def _hit(call: _Call, page: Mapping[str, Any]) -> VendorHit:
    """Return what all calls have in common, of one that was made on *page*."""
    fields, context, around = call.fields, call.context, call.around
    url = text_of(page.get("url")) or around.page
    return VendorHit(
        key=call.key,
        id=text_of(fields.get("messageId")),
        at=_time(fields.get("timestamp")) or _time(fields.get("originalTimestamp")),
        # A call that is sent again may name its first time; what is around it does not.
        sent_at=around.sent_at or _time(fields.get("sentAt")),
        url=_with_campaign(url, mapping_of(context.get("campaign"))),
        referrer=text_of(page.get("referrer")),
        lang=text_of(context.get("locale")),
        screen=_screen(mapping_of(context.get("screen"))),
        actor=text_of(fields.get("userId")),
        visitor=Visitor(text_of(context.get("ip")), text_of(context.get("userAgent"))),
        library=_is_server(mapping_of(context.get("library"))),
    )


def _key(fields: Mapping[str, Any]) -> str | None:
    return text_of(fields.get("writeKey"))


def _time(value: object) -> str | float | None:
    return text_of(value) if isinstance(value, str) else number_of(value)


def _screen(screen: Mapping[str, Any]) -> list[float] | None:
    width = number_of(screen.get("width"))
    return None if width is None else [width, number_of(screen.get("height")) or 0]


def _is_server(library: Mapping[str, Any]) -> bool:
    return (text_of(library.get("name")) or "").lower() in _SERVER_LIBRARIES


def _with_campaign(url: str | None, campaign: Mapping[str, Any]) -> str | None:
    """Return *url* with the campaign that the call names where it names none."""
    if url is None or not campaign or "utm_" in url.partition("?")[2]:
        return url
    found = {name: text_of(campaign.get(each)) for each, name in _CAMPAIGN.items()}
    pairs = {name: value for name, value in found.items() if value is not None}
    if not pairs:
        return url
    page = url.partition("#")[0]
    return f"{page}{'&' if '?' in page else '?'}{urlencode(pairs, errors='replace')}"
