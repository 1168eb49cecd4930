"""Umami's protocol: events from all versions of its script and from server clients.

Umami itself gives each visitor a token that names the session, and the client returns
it with the next event. Millpond gives every visitor the same token and never reads it.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from proxy.page.fragment import url_with_hash_route
from proxy.pipeline.drops import UNCOUNTED, Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, Order, VendorHit, Visitor
from proxy.protocols.commerce import amount_of, commerce_of
from proxy.protocols.problems import umami_problem
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    json_reply,
    mapping_of,
    text_of,
    time_of,
)

# Types of messages that only identify a person or report performance and errors.
_REFUSED = {
    "identify": DropReason.IDENTITY,
    "performance": DropReason.AUTOMATIC,
    "error": DropReason.AUTOMATIC,
}
_EVENTS = ("event", "pageview")
_SCREEN = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_RELATIVE_STARTS = ("/", "?", "#")
# A placeholder, because some clients check that the ids are UUIDs.
_EMPTY_ID = "00000000-0000-0000-0000-000000000000"
_TOKEN = "millpond"  # noqa: S105 - every client gets this text
_KEPT = {"cache": _TOKEN, "sessionId": _EMPTY_ID, "visitId": _EMPTY_ID}
_BOT = {"beep": "boop"}
# Turns the client off until the next page load.
_DISABLED = {"disabled": True}
_PROBLEMS = {
    DropReason.UNKNOWN_SITE: "no site has this website id",
    DropReason.MALFORMED: "this is not an event",
    DropReason.TOO_OLD: "the timestamp is too old",
    DropReason.BAD_TIME: "the timestamp is in the future or not a time",
}
_NO_SCRIPT = (
    "Millpond does not serve Umami's script: host a copy of it and set its"
    " data-host-url"
)

Fields = Mapping[str, Any]


def read_send(request: VendorRequest) -> DecodedRequest:
    """Read one event of versions 2 and 3."""
    return DecodedRequest([_single_hit(request)], _reply)


def read_collect(request: VendorRequest) -> DecodedRequest:
    """Read one event of version 1, whose reply is the token alone."""
    return DecodedRequest([_single_hit(request)], _version_1_reply)


def read_batch(request: VendorRequest) -> DecodedRequest:
    """Read an array of events."""
    members = request.value
    if not isinstance(members, list):
        raise MalformedBodyError("a batch must be an array of events")
    request.check_count(len(members))
    library = _is_library(request)
    hits = [_member_hit(member, library=library) for member in members]
    return DecodedRequest(hits, _batch_reply)


def refuse_script(_request: VendorRequest) -> Reply:
    """Say how to host the script: Millpond does not serve other vendors' code."""
    return json_reply({"error": _NO_SCRIPT}, HTTPStatus.NOT_FOUND)


def _single_hit(request: VendorRequest) -> Hit:
    hit = _member_hit(request.value, library=_is_library(request))
    if isinstance(hit, Dropped) or hit.refused is DropReason.MALFORMED:
        raise MalformedBodyError("this is not an event with a type and a website")
    return hit


def _is_library(request: VendorRequest) -> bool:
    # The script never sends this header; the Python client always does.
    return (request.header("Authorization") or "").lower().startswith("bearer ")


def _reply(outcomes: Outcomes) -> Reply:
    [outcome] = outcomes
    if outcome in _PROBLEMS:
        return json_reply(_error(outcome), HTTPStatus.BAD_REQUEST)
    return json_reply(_reply_fields(outcome))


def _reply_fields(outcome: DropReason | None) -> Fields:
    if outcome is DropReason.BOT:
        return _BOT
    return _DISABLED if outcome in UNCOUNTED else _KEPT


def _version_1_reply(outcomes: Outcomes) -> Reply:
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


def _error(reason: DropReason) -> Fields:
    return {
        "error": {"message": _PROBLEMS[reason], "code": "bad-request", "status": 400}
    }


def _member_hit(member: object, *, library: bool) -> VendorHit | Dropped:
    """Return the hit of *member*; a member that is not an event is only counted."""
    fields = mapping_of(member)
    payload, kind = mapping_of(fields.get("payload")), fields.get("type")
    key = text_of(payload.get("website"))
    if key is None:
        return Dropped(DropReason.MALFORMED)
    refused = _REFUSED.get(kind) if isinstance(kind, str) else None
    name = "pageview" if kind == "pageview" else _name(payload)
    if refused is None and (kind not in _EVENTS or name is None):
        refused = DropReason.MALFORMED
    if refused is not None:
        return VendorHit(key=key, refused=refused)
    return _event_hit(key, name or "", payload, library=library)


def _name(payload: Fields) -> str | None:
    """Return the event's name: "pageview" if missing, None if it is not text."""
    names = (payload.get(field) for field in ("name", "event_name", "event_value"))
    name = next((name for name in names if name not in (None, "")), "pageview")
    return name if isinstance(name, str) else None


def _event_hit(
    key: str, sent_name: str, payload: Fields, *, library: bool
) -> VendorHit:
    data = mapping_of(payload.get("data") or payload.get("event_data"))
    name, order = commerce_of(sent_name, data)
    url = _absolute_url(payload, "url")
    return VendorHit(
        key=key,
        library=library,
        name=name,
        at=time_of(payload.get("timestamp")),
        url=None if url is None else url_with_hash_route(url),
        referrer=_absolute_url(payload, "referrer"),
        lang=text_of(payload.get("language")),
        screen=_screen(payload.get("screen")),
        props={**data, "tag": payload.get("tag")},
        actor=text_of(payload.get("id")),
        order=order or _revenue(data),
        visitor=_visitor(payload),
    )


def _absolute_url(payload: Fields, field: str) -> str | None:
    """Return the URL in *field*, with the page's host if it is relative."""
    url, host = text_of(payload.get(field)), text_of(payload.get("hostname"))
    if url is None or not url.startswith(_RELATIVE_STARTS):
        return url
    return None if host is None else f"https://{host}{url}"


def _screen(value: object) -> list[float] | None:
    match = _SCREEN.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else [float(side) for side in match.groups()]


def _revenue(data: Fields) -> Order | None:
    """Return the revenue of an event that is not an order, None if it is invalid."""
    currency, amount = text_of(data.get("currency")), amount_of(data.get("revenue"))
    if currency is None or amount is None or not amount.is_finite() or amount < 0:
        return None
    return Order(value=amount, currency=currency)


def _visitor(payload: Fields) -> Visitor | None:
    """Return the visitor a server sends for.

    It needs an address and an agent: without an agent the visitor looks like a bot.
    """
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
    umami_problem,
)
