"""RudderStack's own paths: the browser client's settings, beacons and pixels.

All other requests of RudderStack's clients have Segment's format; ``segment`` reads
them.
"""

from http import HTTPStatus
from typing import Any

from proxy.protocols.problems import segment_problem
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reader,
    Reply,
    Route,
    VendorRequest,
    json_reply,
    text_of,
)
from proxy.protocols.segment import batch_hits, error_reply, pixel_reply, refusal
from proxy.protocols.segment_calls import call_hit, envelope_of
from proxy.protocols.segment_settings import SHORT_CACHE

# An enabled source without other destinations; the client's own telemetry is off.
_SOURCE = {
    "id": "millpond",
    "enabled": True,
    "workspaceId": "millpond",
    "destinations": [],
    "config": {
        "statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    },
}
_CONFIG = json_reply({"source": _SOURCE}, headers=SHORT_CACHE)
_OK = Reply(b"OK", content_type="text/plain; charset=utf-8")
# The deepest field in a pixel's query is context.page.url, with two dots.
_MOST_DOTS = 2


def _read_config(request: VendorRequest) -> Reply:
    if request.key is None and text_of(request.query.get("writeKey")) is None:
        return error_reply(HTTPStatus.UNAUTHORIZED, "the write key is missing")
    return _CONFIG


def _read_beacon(request: VendorRequest) -> DecodedRequest:
    return DecodedRequest(batch_hits(request), _reply)


def _reply(outcomes: Outcomes) -> Reply:
    return refusal(outcomes) or _OK


def _pixel_reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _nested(request.query)
        envelope = envelope_of(request, call, kind)
        envelope = envelope._replace(page=request.header("Referer"))
        return DecodedRequest([call_hit(call, envelope)], pixel_reply)

    return read


def _nested(fields: dict[str, str]) -> dict[str, Any]:
    """Return a call as nested objects, from fields with dotted names."""
    call: dict[str, Any] = {}
    for name, value in fields.items():
        *parents, last = name.split(".", _MOST_DOTS)
        inner = call
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                break
        else:
            inner[last] = value
    return call


PROTOCOL = Protocol(
    "rudderstack",
    (
        Route("/sourceConfig", _read_config, ("GET",)),
        Route("/beacon/v1/batch", _read_beacon),
        Route("/pixel/v1/track", _pixel_reader("track"), ("GET",)),
        Route("/pixel/v1/page", _pixel_reader("page"), ("GET",)),
    ),
    segment_problem,
)
