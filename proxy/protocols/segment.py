"""Segment's protocol: single calls, batches, pixels and the client's settings.

RudderStack's clients use the same paths. The replies suit both clients, and the tables
name "segment" as the protocol of both.
"""

from http import HTTPStatus
from typing import Any

from proxy.pipeline.drops import Dropped, DropReason
from proxy.pipeline.hit import Hit, MalformedBodyError, VendorHit
from proxy.protocols import encodings
from proxy.protocols.native import PIXEL
from proxy.protocols.problems import segment_problem
from proxy.protocols.protocol import (
    DecodedRequest,
    Outcomes,
    Protocol,
    Reader,
    Reply,
    Route,
    VendorRequest,
)
from proxy.protocols.segment_calls import KINDS, call_hit, envelope_of
from proxy.protocols.segment_settings import read_settings, refuse_script

# Clients use short paths too, such as /v1/t for track.
_LETTERS = {kind[0]: kind for kind in KINDS}
_BATCHES = ("/v1/b", "/v1/batch", "/v1/import")

SUCCESS = Reply(b'{"success": true}')
_PIXEL = Reply(
    PIXEL,
    content_type="image/gif",
    headers={"Cross-Origin-Resource-Policy": "cross-origin"},
)


def refusal(outcomes: Outcomes) -> Reply | None:
    """Return the error reply if all calls are malformed or of unknown sites."""
    reasons = set(outcomes)
    if reasons == {DropReason.UNKNOWN_SITE}:
        return error_reply(HTTPStatus.UNAUTHORIZED, "no site has this write key")
    if reasons == {DropReason.MALFORMED}:
        message = "not a call with a type and an event"
        return error_reply(HTTPStatus.BAD_REQUEST, message)
    return None


def error_reply(status: HTTPStatus, message: str) -> Reply:
    """Return an error in the vendor's format."""
    return Reply(segment_problem(status, message), status)


def pixel_reply(_outcomes: Outcomes) -> Reply:
    """Return the pixel, whatever the outcome: a page must not show a broken image."""
    return _PIXEL


def batch_hits(request: VendorRequest) -> list[Hit | Dropped]:
    """Return the hits of a batch."""
    body = _object(request.value)
    calls = body.get("batch")
    if not isinstance(calls, list):
        raise MalformedBodyError("batch is not an array")
    request.check_count(len(calls))
    envelope = envelope_of(request, body)
    return [call_hit(call, envelope) for call in calls]


def _reply(outcomes: Outcomes) -> Reply:
    return refusal(outcomes) or SUCCESS


def _read_batch(request: VendorRequest) -> DecodedRequest:
    return DecodedRequest(batch_hits(request), _reply)


def _reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _object(request.value)
        envelope = envelope_of(request, call, kind)
        return DecodedRequest([call_hit(call, envelope)], _reply)

    return read


def _pixel_reader(kind: str) -> Reader:
    def read(request: VendorRequest) -> DecodedRequest:
        call = _object(encodings.decode_packed_json(request.query.get("data", "")))
        envelope = envelope_of(request, call, kind)
        envelope = envelope._replace(page=request.header("Referer"))
        return DecodedRequest([call_hit(call, envelope)], pixel_reply)

    return read


def _read_metrics(request: VendorRequest) -> DecodedRequest:
    """Count the client's own telemetry, which usually names no key."""
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
        Route("/v1/projects/*/settings", read_settings, ("GET",), names_itself=True),
        Route("/analytics.js/v1/*/analytics.min.js", refuse_script, ("GET",)),
    ),
    segment_problem,
)
