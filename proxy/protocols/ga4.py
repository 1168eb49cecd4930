"""Google Analytics 4: the Measurement Protocol for servers, and its tag's format.

Google answers every request with 204, so this module does too. Errors and drops are
reported at the debug path only; events sent there are neither stored nor counted.
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.event_name import is_event_name
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit, Visitor
from proxy.protocols import encodings, ga4_web
from proxy.protocols.ga4_event import Envelope, Values, event_hit
from proxy.protocols.problems import ga4_problem
from proxy.protocols.protocol import (
    POST_OR_GET,
    DecodedRequest,
    Outcomes,
    Protocol,
    Reply,
    Route,
    Time,
    VendorRequest,
    check_event_count,
    json_reply,
    list_of,
    mapping_of,
    text_of,
    time_of,
)

# Google's own limit is 25: no client sends more than this, and each event costs time.
_MOST_EVENTS = 1_000
_MICROS = 1_000_000
_NO_CONTENT = Reply(status=HTTPStatus.NO_CONTENT)
_OTHER_DROP = "docs/http.md explains this reason"
# What the sender can do about a drop; the other reasons cannot occur here.
_DROP_TEXTS = {
    DropReason.UNKNOWN_SITE: "no site has this key",
    DropReason.FOREIGN_ORIGIN: "page_location is in the domains of no site of this key",
    DropReason.BAD_PAGE: "a page_view needs page_location, a complete URL",
    DropReason.BAD_ORDER: "transaction_id, currency, value or an item is not exact",
    DropReason.BOT: "user_agent, or the sender's own, is a bot's",
    DropReason.AUTOMATIC: "Google's libraries send this event by themselves",
    DropReason.REFERRER_SPAM: "page_referrer is a known source of spam",
    DropReason.OPT_OUT: "this sender objects to being measured",
    DropReason.GPC: "this sender objects to being measured",
    DropReason.DNT: "this sender objects to being measured",
}
# Path, description and validation code.
_Problem = tuple[str, str, str]


def read_tag_events(request: VendorRequest) -> DecodedRequest:
    """Read events that the tag sends."""
    hits: list[VendorHit | Dropped] = []
    for event in ga4_web.events(request.query, request.body):
        check_event_count(len(hits) + 1, _MOST_EVENTS)
        fields = request.query if event is None else event
        name = None if event is None else event.get("en")
        envelope = _tag_envelope(fields)
        hits.append(event_hit(name, ga4_web.params_of(fields), envelope))
    return DecodedRequest(hits, _reply)


def read_server_events(request: VendorRequest) -> DecodedRequest:
    """Read events that a server sends with the Measurement Protocol."""
    try:
        body = mapping_of(encodings.decode_json(request.body))
    except MalformedBodyError:
        body = {}
    members = list_of(body.get("events")) or [None]
    check_event_count(len(members), _MOST_EVENTS)
    envelope = _server_envelope(request, body)
    hits = [_server_hit(mapping_of(member), envelope) for member in members]
    return DecodedRequest(hits, _reply)


def validate_server_events(request: VendorRequest) -> DecodedRequest:
    """Say what is wrong with a body for ``read_server_events``, and what it would lose.

    The events take the same way as real ones, but nothing is stored or counted.
    """
    problems = [*_problems(request)]
    try:
        hits: Sequence[Hit | Dropped] = read_server_events(request).hits
    except MalformedBodyError:
        hits = []

    def reply(outcomes: Outcomes) -> Reply:
        named = {path.partition(".")[0] for path, *_ in problems}
        # Without readable events the problem of the whole body is enough.
        drops = [] if named & {"", "events"} else _drops(outcomes, named)
        messages = [
            {"fieldPath": path, "description": text, "validationCode": code}
            for path, text, code in [*problems, *drops]
        ]
        return json_reply({"validationMessages": messages})

    return DecodedRequest(hits, reply, is_trial=True)


def _drops(outcomes: Outcomes, named: set[str]) -> Iterator[_Problem]:
    """Yield the reason of each event that would be dropped, unless it is *named*."""
    for index, reason in enumerate(outcomes):
        path = f"events[{index}]"
        if reason is None or path in named:
            continue
        if reason is DropReason.UNKNOWN_SITE and "measurement_id" not in named:
            path = "measurement_id"
        text = _DROP_TEXTS.get(reason, _OTHER_DROP)
        yield path, f"would be dropped as {reason}: {text}", "VALUE_INVALID"
        if path == "measurement_id":
            return


def _tag_envelope(fields: ga4_web.Fields) -> Envelope:
    return Envelope(
        key=text_of(fields.get("tid")),
        actor=text_of(fields.get("uid")),
        optout=ga4_web.is_analytics_refused(fields),
    )


def _server_envelope(request: VendorRequest, body: Values) -> Envelope:
    secret = text_of(request.query.get("api_secret"))
    address, agent = text_of(body.get("ip_override")), text_of(body.get("user_agent"))
    visitor = None
    if address is not None and agent is not None:
        visitor = Visitor(address, agent)
    return Envelope(
        key=_measurement_id(request) or secret,
        secret=secret,
        actor=text_of(body.get("user_id")),
        visitor=visitor,
        at=_timestamp(body),
        is_server=True,
    )


def _measurement_id(request: VendorRequest) -> str | None:
    query = request.query
    return text_of(query.get("measurement_id")) or text_of(query.get("firebase_app_id"))


def _server_hit(event: Values, envelope: Envelope) -> VendorHit | Dropped:
    at = _timestamp(event)
    if at is not None:
        envelope = envelope._replace(at=at)
    return event_hit(event.get("name"), mapping_of(event.get("params")), envelope)


def _timestamp(fields: Values) -> Time:
    micros = time_of(fields.get("timestamp_micros"))
    return micros / _MICROS if isinstance(micros, float) else micros


def _problems(request: VendorRequest) -> Iterator[_Problem]:
    """Yield each problem that the body alone shows."""
    if _measurement_id(request) is None:
        text = "the query must contain measurement_id or firebase_app_id"
        yield "measurement_id", text, "VALUE_REQUIRED"
    try:
        body = mapping_of(encodings.decode_json(request.body))
    except MalformedBodyError as malformed:
        yield "", malformed.problem, "VALUE_INVALID"
        return
    members = list_of(body.get("events"))
    if not 0 < len(members) <= _MOST_EVENTS:
        text = f"must hold 1 to {_MOST_EVENTS} events"
        yield "events", text, "VALUE_INVALID"
        return
    for index, member in enumerate(members):
        name = mapping_of(member).get("name")
        if not isinstance(name, str):
            yield f"events[{index}].name", "an event needs a name", "VALUE_REQUIRED"
        elif not is_event_name(name):
            text = "this is not a valid event name"
            yield f"events[{index}].name", text, "NAME_INVALID"


def _reply(_outcomes: Outcomes) -> Reply:
    return _NO_CONTENT


PROTOCOL = Protocol(
    "ga4",
    (
        Route("/g/collect", read_tag_events, POST_OR_GET),
        Route("/mp/collect", read_server_events),
        Route("/debug/mp/collect", validate_server_events),
    ),
    ga4_problem,
)
