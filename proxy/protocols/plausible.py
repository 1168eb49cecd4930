"""Plausible's events: its trackers', its script's, and those servers send likewise.

One event a request, for each site it names. There are no ids in it and nothing is sent
twice, so there is nothing to recognise again.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from proxy.page.host import parse_host
from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order
from proxy.protocols.commerce import amount_of, commerce_of
from proxy.protocols.encodings import json_value
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    mapping_of,
    number_of,
    routed,
    text_of,
)

_ENGAGEMENT = "engagement"
_DOWNLOAD = "download"
# What the tag calls the same.
_NAMES = {"Outbound Link: Click": "outbound", "File Download": _DOWNLOAD}
_KEPT = Reply(b"ok", HTTPStatus.ACCEPTED, "text/plain; charset=utf-8")
_DROPPED = Reply(
    b"ok", HTTPStatus.ACCEPTED, _KEPT.content_type, {"x-plausible-dropped": "1"}
)
_NO_SITE = Reply(b'{"error":"no site has this domain"}\n', HTTPStatus.BAD_REQUEST)

Body = Mapping[str, Any]


def read_event(request: VendorRequest) -> DecodedRequest:
    """Return one hit for each site the event names."""
    body = request.value
    if not isinstance(body, dict):
        raise MalformedBodyError("an event is a JSON object")
    return DecodedRequest([_hit(body, key) for key in _keys(body)], _reply)


def _reply(outcomes: Outcomes) -> Reply:
    if None in outcomes:
        return _KEPT
    if set(outcomes) == {DropReason.UNKNOWN_SITE}:
        return _NO_SITE
    return _DROPPED


def _field(body: Body, *names: str) -> Any:
    """Return the field of the first of *names* that is there."""
    found = (body.get(name) for name in names)
    return next((value for value in found if value is not None), None)


def _keys(body: Body) -> list[str | None]:
    """Return the sites named, each once; without any the page's host decides."""
    named = _field(body, "d", "domain")
    if named is None:
        return [None]
    if not isinstance(named, str):
        raise MalformedBodyError("domain is a text")
    parts = (part.strip() for part in named.split(","))
    return list(dict.fromkeys(part for part in parts if part)) or [""]


def _hit(body: Body, key: str | None) -> Hit:
    given = _field(body, "n", "name")
    if not isinstance(given, str):
        raise MalformedBodyError("name is a text")
    props = _props(body)
    name, order = _commerce(given, props, _object(_field(body, "$", "revenue")))
    width = number_of(_field(body, "w", "screen_width"))
    is_engagement = name == _ENGAGEMENT
    return Hit(
        key=key,
        name=name,
        url=_page(body),
        referrer=text_of(_field(body, "r", "referrer")),
        screen=None if width is None else [width],
        engaged_ms=number_of(body.get("e")) if is_engagement else None,
        scroll_pct=number_of(body.get("sd")) if is_engagement else None,
        passive=_field(body, "i", "interactive") is False,
        props=_linked(name, props) if given in _NAMES else props,
        order=order,
    )


def _page(body: Body) -> str | None:
    url = text_of(_field(body, "u", "url"))
    is_routed = _field(body, "h", "hashMode") in (1, True)
    return routed(url) if url is not None and is_routed else url


def _props(body: Body) -> dict[str, Any]:
    return _object(_field(body, "p", "props", "m", "meta"))


def _object(value: object) -> dict[str, Any]:
    """Return an object, given as one or, as older trackers do, as its JSON text."""
    if isinstance(value, str):
        try:
            value = json_value(value)
        except MalformedBodyError:
            return {}
    return dict(mapping_of(value))


def _commerce(
    given: str, props: dict[str, Any], revenue: Body
) -> tuple[str, Order | None]:
    """Return the event's name here and its order.

    The revenue is the order's value, whatever the properties say; with another goal it
    stays with that event.
    """
    if given in _NAMES:
        return _NAMES[given], None
    amount, currency = revenue.get("amount"), text_of(revenue.get("currency"))
    stated = {} if amount is None else {"total": amount}
    if currency is not None:
        stated["currency"] = currency
    name, order = commerce_of(given, {**props, **stated})
    if order is None and stated:
        order = Order(value=amount_of(amount), currency=currency)
    return name, order


def _linked(name: str, props: Body) -> dict[str, Any]:
    """Return *props* with what the tag says of a link in place of the link."""
    try:
        link = urlsplit(text_of(props.get("url")) or "")
    except ValueError:
        link = urlsplit("")
    others = {key: value for key, value in props.items() if key != "url"}
    if name == _DOWNLOAD:
        return {**others, "file": link.path.rpartition("/")[2]}
    return {**others, "host": parse_host(link.netloc)}


PROTOCOL = Protocol("plausible", [Route("/api/event", read_event)])
