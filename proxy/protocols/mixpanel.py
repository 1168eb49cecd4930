"""Mixpanel's protocol: events, profiles, imports, recordings, flags and settings.

A client expects ``1``, or a JSON status if it sent ``verbose=1``. Some clients crash on
the other form.
"""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import encodings
from proxy.protocols.mixpanel_event import Envelope, event_hit, profile_hit
from proxy.protocols.native import PIXEL
from proxy.protocols.problems import mixpanel_problem
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    check_event_count,
    json_reply,
    list_of,
    number_of,
    text_of,
)

_PLAIN = "text/plain; charset=utf-8"
_PUBLIC_CACHE = {"Cache-Control": "public, max-age=3600"}
# Millpond drops replays and heat maps, so these settings keep clients from sending any.
_SETTINGS = {
    "sdk_config": {
        "config": {"record_sessions_percent": 0, "record_heatmap_data": False}
    }
}
# Mixpanel's own limit: no client sends more, and each event costs time.
_MOST_EVENTS = 2_000
_TIME_ERRORS = (DropReason.TOO_OLD, DropReason.BAD_TIME)
# Drops that the sender can correct; the other reasons are the site's own rules.
_SENDER_ERRORS = frozenset(
    {
        *(DropReason.MALFORMED, DropReason.BAD_NAME),
        *(DropReason.BAD_PAGE, DropReason.BAD_ORDER),
        *_TIME_ERRORS,
    }
)
# An attacker could use these to redirect a browser or to run a script in it.
_REFUSED_FIELDS = ("redirect", "callback")

HitOf = Callable[[object, Envelope], VendorHit | Dropped]


class RequestResult(NamedTuple):
    """The result for a request's sender; *problem* is None if there is no error."""

    status: HTTPStatus
    problem: str | None = None


def read_events(request: VendorRequest) -> DecodedRequest | Reply:
    """Read one event or an array of events."""
    return _read(request, event_hit)


def read_profiles(request: VendorRequest) -> DecodedRequest | Reply:
    """Read updates of profiles or groups, which are counted and not stored."""
    return _read(request, profile_hit)


def read_import(request: VendorRequest) -> DecodedRequest | Reply:
    """Read events that servers send with a secret: a form, JSON, or lines of JSON."""
    if _form_or_none(request) is not None or "data" in request.query:
        return _read(request, event_hit, is_import=True)
    envelope = Envelope(request.key, is_import=True)
    members = _members(_decode_lines(request.body))
    check_event_count(len(members), _MOST_EVENTS)
    hits = [event_hit(member, envelope) for member in members]
    return DecodedRequest(
        hits, partial(_import_reply, request.query.get("strict") != "0")
    )


def read_recording(request: VendorRequest) -> DecodedRequest:
    """Count a part of a session recording, without storing it."""
    key = request.key or text_of(request.query.get("token"))
    hit: Hit | Dropped = Dropped(DropReason.AUTOMATIC)
    if key is not None:
        hit = VendorHit(key=key, refused=DropReason.AUTOMATIC)
    return DecodedRequest([hit], _recording_reply)


def read_flags(_request: VendorRequest) -> Reply:
    """Answer that there are no feature flags, without reading who the visitor is."""
    return json_reply({"code": HTTPStatus.OK, "flags": {}})


def _read_flag_definitions(_request: VendorRequest) -> Reply:
    return json_reply({"code": HTTPStatus.OK, "flags": []})


def _read_settings(_request: VendorRequest) -> Reply:
    return json_reply(_SETTINGS, headers=_PUBLIC_CACHE)


def _read(
    request: VendorRequest, hit_of: HitOf, *, is_import: bool = False
) -> DecodedRequest | Reply:
    options = _RequestOptions(request)
    if options.refused_field is not None:
        problem = f"{options.refused_field} is not supported"
        return options.reply(RequestResult(HTTPStatus.BAD_REQUEST, problem))
    try:
        members = _members(options.value)
        check_event_count(len(members), _MOST_EVENTS)
    except MalformedBodyError as malformed:
        return options.reply(RequestResult(HTTPStatus.BAD_REQUEST, malformed.problem))
    envelope = options.envelope(is_import=is_import)
    hits = [hit_of(member, envelope) for member in members]
    return DecodedRequest(hits, lambda outcomes: options.reply(_result(outcomes)))


class _RequestOptions:
    """The options in a request's query or form."""

    def __init__(self, request: VendorRequest) -> None:
        self._request = request
        self._form = _form_or_none(request) or {}

    def _has(self, name: str, value: str) -> bool:
        return value in (self._form.get(name), self._request.query.get(name))

    @property
    def refused_field(self) -> str | None:
        """The first refused field in the request, None if there is none."""
        names = {*self._form, *self._request.query}
        return next((field for field in _REFUSED_FIELDS if field in names), None)

    @property
    def value(self) -> Any:
        """The JSON value of the request: from the form, the query or the body."""
        data = self._form.get("data", self._request.query.get("data"))
        if data is None:
            return self._request.value
        return encodings.decode_packed_json(data)

    def envelope(self, *, is_import: bool) -> Envelope:
        """Return the facts that hold for all events of the request."""
        clock = number_of(self._request.query.get("_"))
        is_server_address = self._has("ip", "0")
        return Envelope(
            self._request.key,
            clock,
            is_import=is_import,
            is_server_address=is_server_address,
        )

    def reply(self, result: RequestResult) -> Reply:
        """Return *result* in the form the client asked for."""
        is_ok = result.status is HTTPStatus.OK
        if is_ok and self._has("img", "1"):
            return Reply(PIXEL, content_type="image/gif")
        if self._has("verbose", "1"):
            body = {"status": int(is_ok), "error": result.problem}
            return json_reply(body, result.status)
        return Reply(b"1" if is_ok else b"0", result.status, _PLAIN)


def _result(outcomes: Outcomes) -> RequestResult:
    """Return an error for unreadable events and unknown tokens; other drops are OK."""
    unreadable = list(outcomes).count(DropReason.MALFORMED)
    unknown = list(outcomes).count(DropReason.UNKNOWN_SITE)
    if not unreadable + unknown:
        return RequestResult(HTTPStatus.OK, _time_problem(outcomes))
    problem = (
        f"{unreadable} events are unreadable or have no token,"
        f" {unknown} have an unknown token"
    )
    if unreadable + unknown < len(outcomes):
        return RequestResult(HTTPStatus.OK, problem)
    return RequestResult(
        HTTPStatus.UNAUTHORIZED if unknown else HTTPStatus.BAD_REQUEST, problem
    )


def _time_problem(outcomes: Outcomes) -> str | None:
    # Not an error status: clients would send the events again.
    count = sum(outcome in _TIME_ERRORS for outcome in outcomes)
    return f"{count} events are too old or have a wrong time" if count else None


def _import_reply(is_strict: bool, outcomes: Outcomes) -> Reply:  # noqa: FBT001 - bound
    result = _result(outcomes)
    failed = [
        {"index": index, "insert_id": "", "field": "", "message": reason}
        for index, reason in enumerate(outcomes)
        if reason in _SENDER_ERRORS
    ]
    status = result.status
    if failed and is_strict:
        status = HTTPStatus.BAD_REQUEST
    body: dict[str, object] = {
        "code": status,
        "status": status.phrase,
        "num_records_imported": list(outcomes).count(None),
    }
    if status is not HTTPStatus.OK:
        problem = result.problem or "some events were refused"
        body |= {"error": problem, "failed_records": failed}
    return json_reply(body, status)


def _recording_reply(outcomes: Outcomes) -> Reply:
    status = _result(outcomes).status
    return json_reply({"code": status, "status": status.phrase}, status)


def _form_or_none(request: VendorRequest) -> dict[str, str] | None:
    """Return the fields of a body that is a form with ``data``, else None."""
    body = request.body
    if body.lstrip()[:1] in (b"{", b"["):
        return None
    try:
        fields = encodings.parse_fields(body.decode())
    except UnicodeDecodeError:
        return None
    return fields if "data" in fields else None


def _members(value: object) -> Sequence[object]:
    return list_of(value) if isinstance(value, list) else [value]


def _decode_lines(body: bytes) -> Any:
    """Return the value of a JSON body, or a list with the value of each JSON line."""
    try:
        return encodings.decode_form_or_json(body)
    except MalformedBodyError:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) <= 1:
            raise
        return [_decode_line(line) for line in lines]


def _decode_line(line: bytes) -> Any:
    try:
        return encodings.decode_json(line)
    except MalformedBodyError:
        return None


PROTOCOL = Protocol(
    "mixpanel",
    (
        Route("/groups", read_profiles, POST_OR_GET),
        Route("/import", read_import, POST_OR_GET),
        Route("/record", read_recording),
        Route("/flags/definitions", _read_flag_definitions, ("GET",)),
        Route("/settings", _read_settings, ("GET",)),
    ),
    mixpanel_problem,
)
