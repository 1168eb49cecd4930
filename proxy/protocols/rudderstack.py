"""RudderStack's own paths: what its browser client asks first, beacons and pixels.

Everything else it sends as Segment's clients do, and is read there.
"""

from http import HTTPStatus
from typing import Any

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
from proxy.protocols.segment import batch_hits, pixel_reply, problem, refusal
from proxy.protocols.segment_calls import call_hit, envelope
from proxy.protocols.segment_settings import BRIEFLY

# A source that is on and sends to nobody else; measurements of the client are off.
_SOURCE = {
    "id": "millpond",
    "enabled": True,
    "workspaceId": "millpond",
    "destinations": [],
    "config": {
        "statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    },
}
_CONFIG = json_reply({"source": _SOURCE}, headers=BRIEFLY)
_OK = Reply(b"OK", content_type="text/plain; charset=utf-8")
# A field of a pixel's query is context.page.url at its deepest.
_DEEPEST = 2


def _read_config(request: VendorRequest) -> Reply:
    if request.key is None and text_of(request.query.get("writeKey")) is None:
        return problem(HTTPStatus.UNAUTHORIZED, "name the write key")
    return _CONFIG


def _read_beacon(request: VendorRequest) -> DecodedRequest:
    return DecodedRequest(batch_hits(request), _reply)


def _reply(outcomes: Outcomes) -> Reply:
    return refusal(outcomes) or _OK


def _pixel_reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _nested(request.query)
        around = envelope(request, call, kind)
        around = around._replace(page=request.header("Referer"))
        return DecodedRequest([call_hit(call, around)], pixel_reply)

    return read


def _nested(fields: dict[str, str]) -> dict[str, Any]:
    """Return *fields* as the call their dotted names spell."""
    call: dict[str, Any] = {}
    for name, value in fields.items():
        *parents, last = name.split(".", _DEEPEST)
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
)
