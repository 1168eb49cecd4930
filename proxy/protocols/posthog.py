"""PostHog's protocol, the old one and the one with an answer for each event.

Good events are kept beside bad ones. What is refused for ever is answered as done, for
clients would only send it again; a wrong key and a body of nothing else are an error
their developers see.
"""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import posthog_config as config
from proxy.protocols.encodings import packed_value
from proxy.protocols.posthog_events import (
    SERVER_LIBRARIES,
    Envelope,
    Time,
    Values,
    hit_of,
    key_in,
    time_of,
)
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Outcomes,
    Protocol,
    Reader,
    Reply,
    Route,
    VendorRequest,
    json_reply,
    list_of,
    mapping_of,
)

_LIBRARY = "PostHog-Sdk-Info"
_SENT_AT = "PostHog-Request-Timestamp"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Anything but 200 and this makes clients send again.
_DONE = Reply(b'{"status":"Ok"}')
_WRONG_KEY = Reply(
    b'{"type":"authentication_error","code":"invalid_api_key",'
    b'"detail":"no site has this key","attr":null}',
    HTTPStatus.UNAUTHORIZED,
)
_BAD_EVENTS = Reply(
    b'{"type":"validation_error","code":"invalid_payload",'
    b'"detail":"every event needs a name","attr":null}',
    HTTPStatus.BAD_REQUEST,
)
# Drops by which a site's developer can tell a mistake of theirs; all others are meant.
_MISTAKES = frozenset(
    {
        *(DropReason.UNKNOWN_SITE, DropReason.FOREIGN_ORIGIN, DropReason.MALFORMED),
        *(DropReason.BAD_NAME, DropReason.BAD_PAGE, DropReason.BAD_ORDER),
    }
)


def read_events(request: VendorRequest) -> DecodedRequest:
    """Read one event, an array of them, or an object that holds some as ``batch``."""
    members, body = _members(value_of(request))
    sent_at = time_of(body.get("sent_at")) or _query_time(request)
    envelope = _envelope(request, key_in(body), sent_at)
    return DecodedRequest(_hits(members, envelope), _reply)


def is_posthog(value: object) -> bool:
    """Whether *value* is PostHog's where Mixpanel's may come too.

    Both name events alike, and both may have their token in the properties.
    """
    members, body = _members(value)
    if "batch" in body:
        return True
    first = mapping_of(members[0]) if members else {}
    if "$token" in first or "event" not in first:
        return False
    properties = mapping_of(first.get("properties"))
    is_marked = any(name in first for name in ("api_key", "token", "uuid"))
    return is_marked or "distinct_id" in first or "$lib" in properties


def value_of(request: VendorRequest) -> Any:
    """Return the value of a body, or of ``data`` in a query."""
    if _is_lz(request):
        raise MalformedBodyError("lz64 is not read; let the client use gzip or base64")
    if request.method == "GET":
        return packed_value(request.query.get("data", ""))
    return request.value


def read_v1(request: VendorRequest) -> DecodedRequest:
    """Read the events of version 1, whose answer says what became of each."""
    body = mapping_of(request.value)
    members = list_of(body.get("batch"))
    sent_at = time_of(request.header(_SENT_AT)) or time_of(body.get("created_at"))
    envelope = _envelope(request, request.key or key_in(body), sent_at)
    reply = _reply_to_each([_uuid(each) for each in members])
    return DecodedRequest(_hits(members, envelope), reply)


def _members(value: object) -> tuple[Sequence[object], Values]:
    """Return the events of a body, and what stands around them."""
    if isinstance(value, list):
        return value, {}
    body = mapping_of(value)
    batch = body.get("batch")
    return (batch if isinstance(batch, list) else [value]), body


def _hits(members: Sequence[object], envelope: Envelope) -> list[Hit | Dropped]:
    if not members:
        raise MalformedBodyError("there is no event in the body")
    return [hit_of(each, envelope) for each in members]


def _is_lz(request: VendorRequest) -> bool:
    named = request.query.get("compression", "").startswith("lz")
    body = request.body
    is_form = body.startswith((b"data=", b"compression="))
    return named or (is_form and b"compression=lz" in body)


def _envelope(request: VendorRequest, key: str | None, sent_at: Time) -> Envelope:
    library = (request.header(_LIBRARY) or "").partition("/")[0]
    return Envelope(
        key=key,
        last_key=request.key or key_in(request.query),
        sent_at=sent_at,
        is_server_library=library in SERVER_LIBRARIES,
    )


def _query_time(request: VendorRequest) -> Time:
    query = request.query
    return time_of(query.get("sent_at")) or time_of(query.get("_"))


def _reply(outcomes: Outcomes) -> Reply:
    return _refusal(outcomes) or _DONE


def _refusal(outcomes: Outcomes) -> Reply | None:
    reasons = set(outcomes)
    if reasons == {DropReason.UNKNOWN_SITE}:
        return _WRONG_KEY
    return _BAD_EVENTS if reasons == {DropReason.MALFORMED} else None


def _reply_to_each(uuids: Sequence[str | None]) -> Callable[[Outcomes], Reply]:
    def reply(outcomes: Outcomes) -> Reply:
        refusal = _refusal(outcomes)
        if refusal is not None:
            return refusal
        results = {
            uuid: _result(outcome)
            for uuid, outcome in zip(uuids, outcomes, strict=True)
            if uuid is not None
        }
        return json_reply({"results": results})

    return reply


def _uuid(member: object) -> str | None:
    """Return the id a result is given under; nothing that is none is repeated."""
    uuid = mapping_of(member).get("uuid")
    is_one = isinstance(uuid, str) and _UUID.fullmatch(uuid) is not None
    return uuid if is_one else None


def _result(outcome: DropReason | None) -> dict[str, str]:
    if outcome is None:
        return {"result": "ok"}
    # A drop is an error of the application that called, a warning is not.
    result = "drop" if outcome in _MISTAKES else "warning"
    return {"result": result, "details": f"not kept: {outcome}"}


def _refusing(body: bytes) -> Reader:
    """Return a reader that keeps nothing, has it counted, and answers *body*."""

    def read(request: VendorRequest) -> DecodedRequest:
        key = key_in(request.query) or request.key
        hit = VendorHit(key=key, refused=DropReason.AUTOMATIC)
        return DecodedRequest([hit], lambda _outcomes: Reply(body))

    return read


_EVENT_PATHS = ("/e", "/i/v0/e", "/capture", "/batch", "/s", "/i/v0/ai/batch")

PROTOCOL = Protocol(
    "posthog",
    (
        *(Route(path, read_events, POST_OR_GET) for path in _EVENT_PATHS),
        Route("/i/v1/analytics/events", read_v1),
        Route("/array/*/config.js", config.read_script, ("GET",)),
        Route("/array/*/config", config.read_config, ("GET",)),
        Route("/decide", config.read_decide),
        Route("/i/v1/logs", _refusing(_DONE.body)),
        Route("/i/v1/metrics", _refusing(_DONE.body)),
        Route("/api/surveys", _refusing(b'{"surveys":[]}'), ("GET",)),
        Route(
            "/api/early_access_features",
            _refusing(b'{"earlyAccessFeatures":[]}'),
            ("GET",),
        ),
    ),
)
