"""Google Analytics 4: the Measurement Protocol of servers, and the dialect of its tag.

Google answers 204 whatever was sent, so what is wrong is told where it tells it: at the
debug path, which keeps nothing.
"""

from collections.abc import Iterator
from http import HTTPStatus

from proxy.pipeline.drops import Dropped
from proxy.pipeline.event_name import is_event_name
from proxy.pipeline.hit import MalformedBodyError, VendorHit, Visitor
from proxy.protocols import encodings, ga4_web
from proxy.protocols.ga4_event import Envelope, Values, event_hit
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
    mapping_of,
    number_of,
    text_of,
)

# Google's own limits are 25 and less; more is nobody's client, and costs.
_MOST_EVENTS = 1_000
_MICROS = 1_000_000
_NOTHING_SAID = Reply(status=HTTPStatus.NO_CONTENT)


def collect(request: VendorRequest) -> DecodedRequest:
    """Read the events of the tag."""
    hits: list[VendorHit | Dropped] = []
    for fields in ga4_web.events(request.query, request.body):
        check_number(len(hits) + 1, _MOST_EVENTS)
        found = request.query if fields is None else fields
        name = None if fields is None else fields.get("en")
        hits.append(event_hit(name, ga4_web.params_of(found), _of_tag(found)))
    return DecodedRequest(hits, _say_nothing)


def measured(request: VendorRequest) -> DecodedRequest:
    """Read what a server sends by the Measurement Protocol."""
    try:
        body = mapping_of(encodings.json_value(request.body))
    except MalformedBodyError:
        body = {}
    members = list_of(body.get("events")) or [None]
    check_number(len(members), _MOST_EVENTS)
    shared = _of_server(request, body)
    hits = [_measured_hit(mapping_of(each), shared) for each in members]
    return DecodedRequest(hits, _say_nothing)


def checked(request: VendorRequest) -> Reply:
    """Say what is wrong with a body for ``measured``, and keep nothing of it."""
    messages = [
        {"fieldPath": path, "description": text, "validationCode": code}
        for path, text, code in _problems(request)
    ]
    return json_reply({"validationMessages": messages})


def _of_tag(fields: ga4_web.Fields) -> Envelope:
    return Envelope(
        key=text_of(fields.get("tid")),
        actor=text_of(fields.get("uid")),
        optout=ga4_web.has_refused(fields),
    )


def _of_server(request: VendorRequest, body: Values) -> Envelope:
    secret = text_of(request.query.get("api_secret"))
    address, agent = text_of(body.get("ip_override")), text_of(body.get("user_agent"))
    spoken = None
    if address is not None and agent is not None:
        spoken = Visitor(address, agent)
    return Envelope(
        key=_named_key(request) or secret,
        secret=secret,
        actor=text_of(body.get("user_id")),
        visitor=spoken,
        at=_seconds(body),
        is_server=True,
    )


def _named_key(request: VendorRequest) -> str | None:
    named = map(request.query.get, ("measurement_id", "firebase_app_id"))
    return next((text for each in named if (text := text_of(each))), None)


def _measured_hit(event: Values, shared: Envelope) -> VendorHit | Dropped:
    at = _seconds(event)
    of_event = shared if at is None else shared._replace(at=at)
    return event_hit(event.get("name"), mapping_of(event.get("params")), of_event)


def _seconds(fields: Values) -> float | None:
    micros = number_of(fields.get("timestamp_micros"))
    return None if micros is None else micros / _MICROS


def _problems(request: VendorRequest) -> Iterator[tuple[str, str, str]]:
    if _named_key(request) is None:
        text = "the query must name measurement_id or firebase_app_id"
        yield "measurement_id", text, "VALUE_REQUIRED"
    try:
        body = mapping_of(encodings.json_value(request.body))
    except MalformedBodyError as malformed:
        yield "", malformed.problem, "VALUE_INVALID"
        return
    members = list_of(body.get("events"))
    if not 0 < len(members) <= _MOST_EVENTS:
        yield "events", f"1 to {_MOST_EVENTS} events are read", "VALUE_INVALID"
        return
    for place, member in enumerate(members):
        name = mapping_of(member).get("name")
        if not isinstance(name, str):
            yield f"events[{place}].name", "an event needs a name", "VALUE_REQUIRED"
        elif not is_event_name(name):
            yield f"events[{place}].name", "this name is not kept", "NAME_INVALID"


def _say_nothing(_outcomes: Outcomes) -> Reply:
    return _NOTHING_SAID


PROTOCOL = Protocol(
    "ga4",
    (
        Route("/g/collect", collect, POST_OR_GET),
        Route("/mp/collect", measured),
        Route("/debug/mp/collect", checked),
    ),
)
