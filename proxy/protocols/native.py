"""Millpond's own protocol: JSON events from the tag, and a pixel for pages without it.

The response to events says how many are durable and why the others were dropped:
``{"accepted": 1, "dropped": {"bot": 2}}``.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from proxy.intake.intake import Receipt
from proxy.pipeline.hit import Hit, MalformedBodyError, is_yes

NAME = "native"
EVENTS_PATH = "/v1/events"
PIXEL_PATH = "/p.gif"
VISIT_TOKEN_PATH = "/v1/visit"  # noqa: S105 - a path

# A transparent GIF of one pixel, the smallest that every client shows.
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002"
    "024401003b"
)
_ENCODER = msgspec.json.Encoder()
_PIXEL_FIELDS = ("site", "key", "name", "id", "url", "referrer", "lang")


def encode_receipt(receipt: Receipt) -> bytes:
    """Return *receipt* as the JSON body of a response."""
    return _ENCODER.encode(receipt)


def pixel_hit(query: str, headers: Mapping[str, str]) -> Hit:
    """Return the hit of a pixel request.

    The query holds the fields of a native event. Without ``url`` the page is the one
    that shows the pixel, from the browser's ``Referer`` header.
    """
    try:
        parameters = dict(parse_qsl(query, max_num_fields=32, errors="strict"))
    except ValueError:
        raise MalformedBodyError("the pixel's query cannot be parsed") from None
    fields = {name: parameters[name] for name in _PIXEL_FIELDS if name in parameters}
    optout = is_yes(parameters.get("optout"))
    fields.setdefault("url", headers.get("Referer", ""))
    return Hit(**fields, optout=optout)  # type: ignore[arg-type]
