"""PostHog's protocol: the old version, and version 1 with a result for each event.

A bad event does not affect the good events of its request. Permanent refusals get a
success reply, because clients resend after an error. A request gets an error if its key
is wrong or all its events are malformed, so that the site's developer sees it.
"""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import posthog_config as config
from proxy.protocols.encodings import decode_packed_json
from proxy.protocols.posthog_events import (
    SERVER_LIBRARIES,
    Envelope,
    Values,
    hit_of,
    key_in,
)
from proxy.protocols.problems import posthog_problem
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Outcomes,
    Protocol,
    Reader,
    Reply,
    Route,
    Time,
    VendorRequest,
    json_reply,
    list_of,
    mapping_of,
    time_of,
)

_LIBRARY = "PostHog-Sdk-Info"
_SENT_AT = "PostHog-Request-Timestamp"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Clients resend after any other status or body.
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
# Drops that show a mistake of the site's developer; all others are intended.
_MISTAKES = frozenset(
    {
        *(DropReason.UNKNOWN_SITE, DropReason.FOREIGN_ORIGIN, DropReason.MALFORMED),
        *(DropReason.BAD_NAME, DropReason.BAD_PAGE, DropReason.BAD_ORDER),
        *(DropReason.TOO_OLD, DropReason.BAD_TIME),
    }
)


def read_events(request: VendorRequest) -> DecodedRequest:
    """Read one event, an array of events, or an object with a ``batch`` of events."""
    members, body = _members(value_of(request))
    request.check_count(len(members))
    sent_at = time_of(body.get("sent_at")) or _query_time(request)
    envelope = _envelope(request, key_in(body), sent_at)
    return DecodedRequest(_hits(members, envelope), _reply)


def is_posthog(value: object) -> bool:
    """Whether *value* comes from PostHog, on a path that Mixpanel uses too.

    Both use the same names for an event and its token in the properties.
    """
    members, body = _members(value)
    if "batch" in body:
        return True
    first = mapping_of(members[0]) if members else {}
    if "$token" in first or "event" not in first:
        return False
    properties = mapping_of(first.get("properties"))
    has_marker = any(name in first for name in ("api_key", "token", "uuid"))
    return has_marker or "distinct_id" in first or "$lib" in properties


def value_of(request: VendorRequest) -> Any:
    """Return the JSON value of a body, or of ``data`` in the query of a GET."""
    if _is_lz(request):
        raise MalformedBodyError(
            "lz64 is not supported; set the client to gzip or base64"
        )
    if request.method == "GET":
        return decode_packed_json(request.query.get("data", ""))
    return request.value


def read_v1(request: VendorRequest) -> DecodedRequest:
    """Read events of version 1, whose reply has a result for each event."""
    body = mapping_of(request.value)
    members = list_of(body.get("batch"))
    request.check_count(len(members))
    sent_at = time_of(request.header(_SENT_AT)) or time_of(body.get("created_at"))
    envelope = _envelope(request, request.key or key_in(body), sent_at)
    reply = _build_results_reply([_uuid(member) for member in members])
    return DecodedRequest(_hits(members, envelope), reply)


def _members(value: object) -> tuple[Sequence[object], Values]:
    """Return the events of a body, and the object that holds them."""
    if isinstance(value, list):
        return value, {}
    body = mapping_of(value)
    batch = body.get("batch")
    return (batch if isinstance(batch, list) else [value]), body


def _hits(members: Sequence[object], envelope: Envelope) -> list[Hit | Dropped]:
    if not members:
        raise MalformedBodyError("the body holds no event")
    return [hit_of(member, envelope) for member in members]


def _is_lz(request: VendorRequest) -> bool:
    if request.query.get("compression", "").startswith("lz"):
        return True
    body = request.body
    is_form = body.startswith((b"data=", b"compression="))
    return is_form and b"compression=lz" in body


def _envelope(request: VendorRequest, key: str | None, sent_at: Time) -> Envelope:
    library = (request.header(_LIBRARY) or "").partition("/")[0]
    return Envelope(
        key=key,
        fallback_key=request.key or key_in(request.query),
        sent_at=sent_at,
        is_server_library=library in SERVER_LIBRARIES,
    )


def _query_time(request: VendorRequest) -> Time:
    query = request.query
    return time_of(query.get("sent_at")) or time_of(query.get("_"))


def _reply(outcomes: Outcomes) -> Reply:
    return _refusal(outcomes) or _DONE


def _refusal(outcomes: Outcomes) -> Reply | None:
    """Return the error reply if the whole request is wrong, else None."""
    reasons = set(outcomes)
    if reasons == {DropReason.UNKNOWN_SITE}:
        return _WRONG_KEY
    return _BAD_EVENTS if reasons == {DropReason.MALFORMED} else None


def _build_results_reply(uuids: Sequence[str | None]) -> Callable[[Outcomes], Reply]:
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
    """Return the event's UUID, None for any other text: it must not be repeated."""
    uuid = mapping_of(member).get("uuid")
    is_valid = isinstance(uuid, str) and _UUID.fullmatch(uuid) is not None
    return uuid if is_valid else None


def _result(outcome: DropReason | None) -> dict[str, str]:
    if outcome is None:
        return {"result": "ok"}
    # Clients treat "drop" as an error of the calling application, unlike "warning".
    result = "drop" if outcome in _MISTAKES else "warning"
    return {"result": result, "details": f"not kept: {outcome}"}


def _refusing_reader(body: bytes) -> Reader:
    """Return a reader that only counts the request, and replies with *body*."""

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
        Route("/i/v1/logs", _refusing_reader(_DONE.body)),
        Route("/i/v1/metrics", _refusing_reader(_DONE.body)),
        Route("/api/surveys", _refusing_reader(b'{"surveys":[]}'), ("GET",)),
        Route(
            "/api/early_access_features",
            _refusing_reader(b'{"earlyAccessFeatures":[]}'),
            ("GET",),
        ),
    ),
    posthog_problem,
)
