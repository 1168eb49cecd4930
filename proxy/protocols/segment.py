"""Segment's protocol: single calls, batches, pixels, and what a client asks first.

RudderStack's clients speak it too, on the same paths: what they are answered suits
both, and their events are Segment's in the tables.
"""

from http import HTTPStatus
from typing import Any

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import encodings
from proxy.protocols.native import PIXEL
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reader,
    Reply,
    Route,
    VendorRequest,
    json_reply,
)
from proxy.protocols.segment_calls import KINDS, call_hit, envelope
from proxy.protocols.segment_settings import read_script, read_settings

_LETTERS = {kind[0]: kind for kind in KINDS}
_BATCHES = ("/v1/b", "/v1/batch", "/v1/import")

SUCCESS = Reply(b'{"success": true}')
_PIXEL = Reply(
    PIXEL,
    content_type="image/gif",
    headers={"Cross-Origin-Resource-Policy": "cross-origin"},
)


def refusal(outcomes: Outcomes) -> Reply | None:
    """Return what a client is told of whose calls none could be read or placed."""
    reasons = set(outcomes)
    if reasons == {DropReason.UNKNOWN_SITE}:
        return problem(HTTPStatus.UNAUTHORIZED, "no site has this write key")
    if reasons == {DropReason.MALFORMED}:
        return problem(HTTPStatus.BAD_REQUEST, "not a call with a type and an event")
    return None


def problem(status: HTTPStatus, message: str) -> Reply:
    """Return a refusal in the vendor's words."""
    return json_reply({"success": False, "message": message}, status)


def pixel_reply(_outcomes: Outcomes) -> Reply:
    """Return the pixel: it always shows."""
    return _PIXEL


def batch_hits(request: VendorRequest) -> list[Hit | Dropped]:
    """Return the hits of a batch."""
    body = _object(request.value)
    calls = body.get("batch")
    if not isinstance(calls, list):
        raise MalformedBodyError("batch is not an array")
    around = envelope(request, body)
    return [call_hit(call, around) for call in calls]


def _reply(outcomes: Outcomes) -> Reply:
    return refusal(outcomes) or SUCCESS


def _read_batch(request: VendorRequest) -> DecodedRequest:
    return DecodedRequest(batch_hits(request), _reply)


def _reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _object(request.value)
        return DecodedRequest([call_hit(call, envelope(request, call, kind))], _reply)

    return read


def _pixel_reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _object(encodings.packed_value(request.query.get("data", "")))
        around = envelope(request, call, kind)
        around = around._replace(page=request.header("Referer"))
        return DecodedRequest([call_hit(call, around)], pixel_reply)

    return read


def _read_metrics(request: VendorRequest) -> DecodedRequest:
    """Count what a client measures of itself; it names no key."""
    hit = VendorHit(key=request.key, refused=DropReason.AUTOMATIC)
    return DecodedRequest([hit], lambda _: SUCCESS)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedBodyError("the body is not a JSON object")
    return value


PROTOCOL = Protocol(
    "segment",
    (
        *(Route(f"/v1/{name}", _reader(kind)) for name, kind in _LETTERS.items()),
        *(Route(f"/v1/{kind}", _reader(kind)) for kind in KINDS),
        *(Route(path, _read_batch) for path in _BATCHES),
        *(Route(f"/v1/pixel/{kind}", _pixel_reader(kind), ("GET",)) for kind in KINDS),
        Route("/v1/m", _read_metrics),
        Route("/v1/projects/*/settings", read_settings, ("GET",)),
        Route("/analytics.js/v1/*/analytics.min.js", read_script, ("GET",)),
    ),
)
