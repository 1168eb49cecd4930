"""Mixpanel's protocol: events, profiles, imports, and what its clients ask at start.

Clients want ``1`` or, asked verbosely, a status in JSON; some crash on the other.
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
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    check_number,
    json_reply,
    list_of,
    number_of,
    text_of,
)

_PLAIN = "text/plain; charset=utf-8"
_SAME_FOR_ALL = {"Cache-Control": "public, max-age=3600"}
# Replays and heat maps are refused, so clients that ask are told not to begin.
_SETTINGS = {
    "sdk_config": {
        "config": {"record_sessions_percent": 0, "record_heatmap_data": False}
    }
}
# Mixpanel's own limit: more is nobody's client, and costs.
_MOST_EVENTS = 2_000
# What a sender can mend: the rest is decided by the site, or is no fault.
_OF_SENDER = frozenset(
    {
        *(DropReason.MALFORMED, DropReason.BAD_NAME),
        *(DropReason.BAD_PAGE, DropReason.BAD_ORDER),
    }
)
# Whoever may choose where an answer leads, or what script it is, may attack with it.
_DANGEROUS = ("redirect", "callback")

HitOf = Callable[[object, Envelope], VendorHit | Dropped]


class RequestResult(NamedTuple):
    """What a request's sender is told; *problem* is None where all is well."""

    status: HTTPStatus
    problem: str | None = None


def track(request: VendorRequest) -> DecodedRequest | Reply:
    """Read one event or an array of them."""
    return _read(request, event_hit)


def profiles(request: VendorRequest) -> DecodedRequest | Reply:
    """Read changes of profiles or groups, which are counted and not kept."""
    return _read(request, profile_hit)


def imported(request: VendorRequest) -> DecodedRequest | Reply:
    """Read what servers send with their secret: a form, JSON, or JSON on each line."""
    if _form_or_none(request) is not None or "data" in request.query:
        return _read(request, event_hit, is_import=True)
    sent = Envelope(request.key, is_import=True)
    members = _members(_lines(request.body))
    check_number(len(members), _MOST_EVENTS)
    hits = [event_hit(each, sent) for each in members]
    return DecodedRequest(
        hits, partial(_import_reply, request.query.get("strict") != "0")
    )


def recording(request: VendorRequest) -> DecodedRequest:
    """Count a part of a replay, and keep nothing of it."""
    key = request.key or text_of(request.query.get("token"))
    hit: Hit | Dropped = Dropped(DropReason.AUTOMATIC)
    if key is not None:
        hit = VendorHit(key=key, refused=DropReason.AUTOMATIC)
    return DecodedRequest([hit], _record_reply)


def flags(_request: VendorRequest) -> Reply:
    """Answer that there is no flag; the body says who somebody is and is not read."""
    return json_reply({"code": HTTPStatus.OK, "flags": {}})


def _flag_definitions(_request: VendorRequest) -> Reply:
    return json_reply({"code": HTTPStatus.OK, "flags": []})


def _settings(_request: VendorRequest) -> Reply:
    return json_reply(_SETTINGS, headers=_SAME_FOR_ALL)


def _read(
    request: VendorRequest, hit_of: HitOf, *, is_import: bool = False
) -> DecodedRequest | Reply:
    asked = _ReplyOptions(request)
    if asked.dangerous is not None:
        problem = f"{asked.dangerous} is not supported"
        return asked.reply(RequestResult(HTTPStatus.BAD_REQUEST, problem))
    try:
        members = _members(asked.value)
        check_number(len(members), _MOST_EVENTS)
    except MalformedBodyError as malformed:
        return asked.reply(RequestResult(HTTPStatus.BAD_REQUEST, malformed.problem))
    sent = asked.sent(is_import=is_import)
    hits = [hit_of(each, sent) for each in members]
    return DecodedRequest(hits, lambda outcomes: asked.reply(_verdict(outcomes)))


class _ReplyOptions:
    """How a request, in its query or form, wants to be read and answered."""

    def __init__(self, request: VendorRequest) -> None:
        self._request = request
        self._form = _form_or_none(request) or {}

    def _says(self, name: str, value: str) -> bool:
        return value in (self._form.get(name), self._request.query.get(name))

    @property
    def dangerous(self) -> str | None:
        """A field that is refused, None where there is none."""
        named = {*self._form, *self._request.query}
        return next((each for each in _DANGEROUS if each in named), None)

    @property
    def value(self) -> Any:
        """The JSON value of the request, wherever it stands."""
        data = self._form.get("data", self._request.query.get("data"))
        return self._request.value if data is None else encodings.packed_value(data)

    def sent(self, *, is_import: bool) -> Envelope:
        """Return what the request says of its members."""
        clock = number_of(self._request.query.get("_"))
        is_away = self._says("ip", "0")
        return Envelope(self._request.key, clock, is_import=is_import, is_away=is_away)

    def reply(self, verdict: RequestResult) -> Reply:
        """Return *verdict* in the words the client asked for."""
        is_fine = verdict.status is HTTPStatus.OK
        if is_fine and self._says("img", "1"):
            return Reply(PIXEL, content_type="image/gif")
        if self._says("verbose", "1"):
            told = {"status": int(is_fine), "error": verdict.problem}
            return json_reply(told, verdict.status)
        return Reply(b"1" if is_fine else b"0", verdict.status, _PLAIN)


def _verdict(outcomes: Outcomes) -> RequestResult:
    """Say whether the token or the events are wrong; other drops are no error."""
    unread = list(outcomes).count(DropReason.MALFORMED)
    unknown = list(outcomes).count(DropReason.UNKNOWN_SITE)
    if not unread + unknown:
        return RequestResult(HTTPStatus.OK)
    problem = f"{unread} could not be read or had no token, {unknown} an unknown one"
    if unread + unknown < len(outcomes):
        return RequestResult(HTTPStatus.OK, problem)
    return RequestResult(
        HTTPStatus.UNAUTHORIZED if unknown else HTTPStatus.BAD_REQUEST, problem
    )


def _import_reply(is_strict: bool, outcomes: Outcomes) -> Reply:  # noqa: FBT001 - bound
    verdict = _verdict(outcomes)
    failed = [
        {"index": index, "insert_id": "", "field": "", "message": reason}
        for index, reason in enumerate(outcomes)
        if reason in _OF_SENDER
    ]
    status = verdict.status
    if failed and is_strict:
        status = HTTPStatus.BAD_REQUEST
    told: dict[str, object] = {
        "code": status,
        "status": status.phrase,
        "num_records_imported": list(outcomes).count(None),
    }
    if status is not HTTPStatus.OK:
        problem = verdict.problem or "some events were refused"
        told |= {"error": problem, "failed_records": failed}
    return json_reply(told, status)


def _record_reply(outcomes: Outcomes) -> Reply:
    status = _verdict(outcomes).status
    return json_reply({"code": status, "status": status.phrase}, status)


def _form_or_none(request: VendorRequest) -> dict[str, str] | None:
    """Return the fields of a body that is a form, None where it is something else."""
    body = request.body
    if body.lstrip()[:1] in (b"{", b"["):
        return None
    try:
        found = encodings.fields(body.decode())
    except UnicodeDecodeError:
        return None
    return found if "data" in found else None


def _members(value: object) -> Sequence[object]:
    return list_of(value) if isinstance(value, list) else [value]


def _lines(body: bytes) -> Any:
    """Return the value of a JSON text, or those of a JSON text on each line."""
    try:
        return encodings.form_or_json(body)
    except MalformedBodyError:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) <= 1:
            raise
        return [_line(line) for line in lines]


def _line(line: bytes) -> Any:
    try:
        return encodings.json_value(line)
    except MalformedBodyError:
        return None


PROTOCOL = Protocol(
    "mixpanel",
    (
        Route("/groups", profiles, POST_OR_GET),
        Route("/import", imported, POST_OR_GET),
        Route("/record", recording),
        Route("/flags/definitions", _flag_definitions, ("GET",)),
        Route("/settings", _settings, ("GET",)),
    ),
)
