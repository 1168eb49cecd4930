"""Plausible's protocol: events from its trackers, its script and servers.

A request holds one event for one or more sites. Events have no ids and clients never
retry, so there are no duplicates to detect.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from proxy.page.fragment import url_with_hash_route
from proxy.page.host import parse_host
from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order
from proxy.protocols.commerce import amount_of, commerce_of
from proxy.protocols.encodings import decode_json
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    mapping_of,
    number_of,
    text_of,
)

_ENGAGEMENT = "engagement"
_DOWNLOAD = "download"
# Millpond's tag has its own names for these events.
_TAG_NAMES = {"Outbound Link: Click": "outbound", "File Download": _DOWNLOAD}
_KEPT = Reply(b"ok", HTTPStatus.ACCEPTED, "text/plain; charset=utf-8")
_DROPPED = Reply(
    b"ok", HTTPStatus.ACCEPTED, _KEPT.content_type, {"x-plausible-dropped": "1"}
)
_NO_SITE = Reply(b'{"error":"no site has this domain"}\n', HTTPStatus.BAD_REQUEST)

Body = Mapping[str, Any]


def read_event(request: VendorRequest) -> DecodedRequest:
    """Return one hit for each site in the event."""
    body = request.value
    if not isinstance(body, dict):
        raise MalformedBodyError("the event must be a JSON object")
    return DecodedRequest([_hit(body, key) for key in _keys(body)], _reply)


def _reply(outcomes: Outcomes) -> Reply:
    if None in outcomes:
        return _KEPT
    if set(outcomes) == {DropReason.UNKNOWN_SITE}:
        return _NO_SITE
    return _DROPPED


def _field(body: Body, *names: str) -> Any:
    """Return the first field of *names* that is present."""
    values = (body.get(name) for name in names)
    return next((value for value in values if value is not None), None)


def _keys(body: Body) -> list[str | None]:
    """Return the distinct site keys; None lets the page's host decide."""
    domain = _field(body, "d", "domain")
    if domain is None:
        return [None]
    if not isinstance(domain, str):
        raise MalformedBodyError("domain must be text")
    keys = (key.strip() for key in domain.split(","))
    return list(dict.fromkeys(key for key in keys if key)) or [""]


def _hit(body: Body, key: str | None) -> Hit:
    sent_name = _field(body, "n", "name")
    if not isinstance(sent_name, str):
        raise MalformedBodyError("name must be text")
    props = _props(body)
    name, order = _commerce(sent_name, props, _object(_field(body, "$", "revenue")))
    width = number_of(_field(body, "w", "screen_width"))
    is_engagement = name == _ENGAGEMENT
    return Hit(
        key=key,
        name=name,
        url=_url(body),
        referrer=text_of(_field(body, "r", "referrer")),
        screen=None if width is None else [width],
        engaged_ms=number_of(body.get("e")) if is_engagement else None,
        scroll_pct=number_of(body.get("sd")) if is_engagement else None,
        passive=_field(body, "i", "interactive") is False,
        props=_link_props(name, props) if sent_name in _TAG_NAMES else props,
        order=order,
    )


def _url(body: Body) -> str | None:
    url = text_of(_field(body, "u", "url"))
    has_hash_routes = _field(body, "h", "hashMode") in (1, True)
    return url_with_hash_route(url) if url is not None and has_hash_routes else url


def _props(body: Body) -> dict[str, Any]:
    return _object(_field(body, "p", "props", "m", "meta"))


def _object(value: object) -> dict[str, Any]:
    """Return a JSON object, which older trackers send as JSON text."""
    if isinstance(value, str):
        try:
            value = decode_json(value)
        except MalformedBodyError:
            return {}
    return dict(mapping_of(value))


def _commerce(
    sent_name: str, props: dict[str, Any], revenue: Body
) -> tuple[str, Order | None]:
    """Return the event's stored name and its order.

    The revenue overrides the amount in the properties. An event that is not a commerce
    event gets an order with the revenue alone.
    """
    if sent_name in _TAG_NAMES:
        return _TAG_NAMES[sent_name], None
    amount, currency = revenue.get("amount"), text_of(revenue.get("currency"))
    revenue_props = {} if amount is None else {"total": amount}
    if currency is not None:
        revenue_props["currency"] = currency
    name, order = commerce_of(sent_name, {**props, **revenue_props})
    if order is None and revenue_props:
        order = Order(value=amount_of(amount), currency=currency)
    return name, order


def _link_props(name: str, props: Body) -> dict[str, Any]:
    """Return *props* with the link's host or file in place of its URL, as the tag does.

    A link's full URL can hold personal data.
    """
    try:
        link = urlsplit(text_of(props.get("url")) or "")
    except ValueError:
        link = urlsplit("")
    others = {key: value for key, value in props.items() if key != "url"}
    if name == _DOWNLOAD:
        return {**others, "file": link.path.rpartition("/")[2]}
    return {**others, "host": parse_host(link.netloc)}


PROTOCOL = Protocol("plausible", [Route("/api/event", read_event)])
