"""Umami's events: its script's of all versions, and its clients' for servers.

The vendor hands every visitor a token that names the session, and gets it back with the
next event. Here everybody is given the same one, and nothing is read from it.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from proxy.pipeline.drops import UNCOUNTED, Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order, VendorHit, Visitor
from proxy.protocols.commerce import amount_of, commerce_of
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    json_reply,
    mapping_of,
    number_of,
    routed,
    text_of,
)

# What only says who somebody is, or how fast a page was.
_REFUSED = {
    "identify": DropReason.IDENTITY,
    "performance": DropReason.AUTOMATIC,
    "error": DropReason.AUTOMATIC,
}
_EVENTS = ("event", "pageview")
_SCREEN = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_PATH = ("/", "?", "#")
# The form of an id, for clients that look at it, and nobody's.
_NOBODY = "00000000-0000-0000-0000-000000000000"
_TOKEN = "millpond"  # noqa: S105 - the same for everybody
_KEPT = {"cache": _TOKEN, "sessionId": _NOBODY, "visitId": _NOBODY}
_BOT = {"beep": "boop"}
# Stops the client of this page, until the next is loaded.
_OBJECTED = {"disabled": True}
_PROBLEMS = {
    DropReason.UNKNOWN_SITE: "no site has this website id",
    DropReason.MALFORMED: "this is not an event",
}
_NO_SCRIPT = "no script is served here: keep a copy of yours and set its data-host-url"

Members = Mapping[str, Any]


def read_send(request: VendorRequest) -> DecodedRequest:
    """Return the hit of one event, answered as versions 2 and 3 expect."""
    return DecodedRequest([_single(request)], _reply)


def read_collect(request: VendorRequest) -> DecodedRequest:
    """Return the hit of one event of version 1, whose answer is the token alone."""
    return DecodedRequest([_single(request)], _first_reply)


def read_batch(request: VendorRequest) -> DecodedRequest:
    """Return a hit for each member of an array."""
    members = request.value
    if not isinstance(members, list):
        raise MalformedBodyError("a batch is an array of events")
    library = _is_library(request)
    return DecodedRequest(
        [_member(each, library=library) for each in members], _batch_reply
    )


def refuse_script(_request: VendorRequest) -> Reply:
    """Say where the script is to come from: no code of others is served from here."""
    return json_reply({"error": _NO_SCRIPT}, HTTPStatus.NOT_FOUND)


def _single(request: VendorRequest) -> Hit:
    hit = _member(request.value, library=_is_library(request))
    if isinstance(hit, Dropped) or hit.refused is DropReason.MALFORMED:
        raise MalformedBodyError("this is not an event with a type and a website")
    return hit


def _is_library(request: VendorRequest) -> bool:
    # Scripts never send this header; the Python client always does, logged in or not.
    return (request.header("Authorization") or "").lower().startswith("bearer ")


def _reply(outcomes: Outcomes) -> Reply:
    [outcome] = outcomes
    if outcome in _PROBLEMS:
        return json_reply(_error(outcome), HTTPStatus.BAD_REQUEST)
    return json_reply(_told(outcome))


def _told(outcome: DropReason | None) -> Members:
    if outcome is DropReason.BOT:
        return _BOT
    return _OBJECTED if outcome in UNCOUNTED else _KEPT


def _first_reply(outcomes: Outcomes) -> Reply:
    reply = _reply(outcomes)
    if reply.status is HTTPStatus.OK:
        return Reply(_TOKEN.encode(), content_type="text/plain; charset=utf-8")
    return reply


def _batch_reply(outcomes: Outcomes) -> Reply:
    failed = [
        {"index": index, "response": _error(outcome)}
        for index, outcome in enumerate(outcomes)
        if outcome in _PROBLEMS
    ]
    size = len(outcomes)
    counts = {"size": size, "processed": size - len(failed), "errors": len(failed)}
    return json_reply({**counts, "details": failed, "cache": _TOKEN})


def _error(reason: DropReason) -> Members:
    return {
        "error": {"message": _PROBLEMS[reason], "code": "bad-request", "status": 400}
    }


def _member(member: object, *, library: bool) -> VendorHit | Dropped:
    """Return the hit of *member*; one that is no event is refused under its site."""
    sent = mapping_of(member)
    payload, kind = mapping_of(sent.get("payload")), sent.get("type")
    key = text_of(payload.get("website"))
    if key is None:
        return Dropped(DropReason.MALFORMED)
    refused = _REFUSED.get(kind) if isinstance(kind, str) else None
    name = "pageview" if kind == "pageview" else _name(payload)
    if refused is None and (kind not in _EVENTS or name is None):
        refused = DropReason.MALFORMED
    if refused is not None:
        return VendorHit(key=key, refused=refused)
    return _event(key, name or "", payload, library=library)


def _name(payload: Members) -> str | None:
    """Return the event's name, None where it is no text; without one it is a view."""
    given = (payload.get(name) for name in ("name", "event_name", "event_value"))
    name = next((each for each in given if each not in (None, "")), "pageview")
    return name if isinstance(name, str) else None


def _event(key: str, given: str, payload: Members, *, library: bool) -> VendorHit:
    data = mapping_of(payload.get("data") or payload.get("event_data"))
    name, order = commerce_of(given, data)
    url = _address(payload, "url")
    return VendorHit(
        key=key,
        library=library,
        name=name,
        at=number_of(payload.get("timestamp")),
        url=None if url is None else routed(url),
        referrer=_address(payload, "referrer"),
        lang=text_of(payload.get("language")),
        screen=_screen(payload.get("screen")),
        props={**data, "tag": payload.get("tag")},
        actor=text_of(payload.get("id")),
        order=order or _revenue(data),
        visitor=_visitor(payload),
    )


def _address(payload: Members, field: str) -> str | None:
    """Return a whole URL; the page's host stands before what is only a path."""
    url, host = text_of(payload.get(field)), text_of(payload.get("hostname"))
    if url is None or not url.startswith(_PATH):
        return url
    return None if host is None else f"https://{host}{url}"


def _screen(value: object) -> list[float] | None:
    found = _SCREEN.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else [float(side) for side in found.groups()]


def _revenue(data: Members) -> Order | None:
    """Return the revenue of an event that is no order, where it is one that counts."""
    currency, amount = text_of(data.get("currency")), amount_of(data.get("revenue"))
    if currency is None or amount is None or not amount.is_finite() or amount < 0:
        return None
    return Order(value=amount, currency=currency)


def _visitor(payload: Members) -> Visitor | None:
    """Return whom a server speaks for; an address alone would look like a bot's."""
    address, agent = text_of(payload.get("ip")), text_of(payload.get("userAgent"))
    return None if address is None or agent is None else Visitor(address, agent)


PROTOCOL = Protocol(
    "umami",
    [
        Route("/api/send", read_send),
        Route("/api/batch", read_batch),
        Route("/api/collect", read_collect),
        Route("/script.js", refuse_script, ("GET", "HEAD")),
    ],
)
