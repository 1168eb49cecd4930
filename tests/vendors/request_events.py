"""Decodes the events of a request, with the event names of the vendor.

Tests count received events with it, so it shares no code with the proxy.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from tests.vendors.clients import Protocol, Sent
from tests.vendors.recorded_request import RecordedRequest

Event = dict[str, Any]

# The paths for events; all other paths are for settings, flags and such.
_PATHS: Mapping[Protocol, re.Pattern[str]] = {
    Protocol.POSTHOG: re.compile(r"/(e|i/v0/e|batch|capture|i/v1/analytics/events)/?"),
    Protocol.SEGMENT: re.compile(r"/v1/(batch|b|[tpigas])"),
    Protocol.RUDDERSTACK: re.compile(r"(/beacon)?/v1/[a-z]+"),
    Protocol.MIXPANEL: re.compile(r"/(track|engage|groups|import)/?"),
    Protocol.PLAUSIBLE: re.compile(r"/api/event"),
    Protocol.UMAMI: re.compile(r"/api/send"),
    Protocol.GA4: re.compile(r"/(g|mp)/collect"),
}
_PROFILE = {"$set", "$set_once", "$append", "$add", "$union", "$unset", "$delete"}


def names(protocol: Protocol, requests: Iterable[RecordedRequest]) -> Sent:
    """Return the count of each event; a repeated event counts once."""
    identified = {
        (name, mark)
        for number, request in enumerate(requests)
        for name, mark in _marked(protocol, request, number)
    }
    return Counter(name for name, _ in identified)


def profile(request: RecordedRequest) -> str:
    """Return the profile of a request: method, path, type and compression."""
    sort = request.headers.get("content-type", "")
    packed = [
        "encoded" if "content-encoding" in request.headers else "",
        "gzip" if request.unpacked != request.body else "",
        "compression" if "compression=" in request.query else "",
    ]
    return " ".join(filter(None, (request.method, request.path, sort, *packed)))


def names_site(request: RecordedRequest, key: str) -> bool:
    """Return whether a request with events contains the key of its site."""
    credentials = request.headers.get("authorization", "").partition(" ")[2]
    places = [request.query, request.unpacked.decode(), credentials]
    places += [_plain(place) for place in (credentials, *_data(request))]
    return any(key in place for place in places)


def _data(request: RecordedRequest) -> list[str]:
    form = parse_qs(request.query) | parse_qs(request.unpacked.decode())
    return [data.replace(" ", "+") for data in form.get("data", [])]


def _plain(text: str) -> str:
    """Return the decoded base64, or an empty text."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""


def _marked(
    protocol: Protocol, request: RecordedRequest, number: int
) -> Iterator[tuple[str, object]]:
    """Yield the name of each event and an id that distinguishes equal names."""
    for place, event in enumerate(events(protocol, request)):
        yield _NAMES[protocol](event), _id(event) or (number, place)


def events(protocol: Protocol, request: RecordedRequest) -> list[Event]:
    """Return the events of a request in their order."""
    if request.method == "OPTIONS" or not _PATHS[protocol].fullmatch(request.path):
        return []
    if protocol is Protocol.GA4:
        return _google(request)
    value = _decoded_value(request)
    members = value if isinstance(value, list) else value.get("batch", [value])
    if protocol is Protocol.MIXPANEL:
        return [{"path": request.path.strip("/"), **event} for event in members]
    return list(members)


def _decoded_value(request: RecordedRequest) -> Any:
    """Return the JSON of a request: its body, or the form field with it."""
    body = request.unpacked
    if body[:1] in (b"{", b"["):
        return json.loads(body)
    form = parse_qs(body.decode() or request.query)
    [data] = form["data"]
    if data[0] in "{[":
        return json.loads(data)
    # A form turns plus signs into spaces.
    return json.loads(base64.b64decode(data.replace(" ", "+")))


def _google(request: RecordedRequest) -> list[Event]:
    if request.path == "/mp/collect":
        return list(json.loads(request.body)["events"])
    lines = request.body.decode().splitlines() or [""]
    queries = [parse_qs(f"{request.query}&{line}") for line in lines]
    return [{"name": fields["en"][-1]} for fields in queries]


def _call(event: Event) -> str:
    """Return the name of a Segment call: its type and its event or page."""
    about = event.get("event") or event.get("name")
    return f"{event['type']}:{about}" if about else str(event["type"])


def _mixpanel(event: Event) -> str:
    if "event" in event:
        return str(event["event"])
    [does] = _PROFILE & event.keys()
    return f"{event['path']}:{does}"


def _umami(event: Event) -> str:
    if event["type"] != "event":
        return str(event["type"])
    return str(event["payload"].get("name", "pageview"))


_NAMES: Mapping[Protocol, Callable[[Event], str]] = {
    Protocol.POSTHOG: lambda event: str(event["event"]),
    Protocol.SEGMENT: _call,
    Protocol.RUDDERSTACK: _call,
    Protocol.MIXPANEL: _mixpanel,
    Protocol.PLAUSIBLE: lambda event: str(event["n"]),
    Protocol.UMAMI: _umami,
    Protocol.GA4: lambda event: str(event["name"]),
}


def _id(event: Event) -> str | None:
    """Return the id of the event, if its vendor gives it one.

    A profile update has no id: an equal update is a repeated one.
    """
    if _PROFILE & event.keys():
        return json.dumps(event, sort_keys=True)
    properties = event.get("properties") or {}
    event_id = (
        event.get("uuid") or event.get("messageId") or properties.get("$insert_id")
    )
    return str(event_id) if event_id else None
