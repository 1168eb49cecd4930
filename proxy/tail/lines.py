"""What a live view shows of a hit: no more than is stored of it, and no id of anybody.

Objections are not in it: they leave no trace, not even on a screen.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from proxy.pipeline.drops import UNCOUNTED, Dropped
from warehouse.schema import Event


class EventLine(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"
):
    """An event that was kept; *order* says that it brought an order or an amount."""

    at: str
    site: str
    protocol: str
    name: str
    path: str | None
    source: str | None
    channel: str | None
    country: str | None
    browser: str | None
    order: bool


class DropLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="drop"):
    """A hit that was dropped, as it is counted."""

    at: str
    site: str
    protocol: str
    reason: str


class MissedLines(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="missed"
):
    """How many lines this listener was too slow for."""

    count: int


Line = EventLine | DropLine | MissedLines

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Line)


def lines_of(
    outcomes: Sequence[Event | Dropped], protocol: str, now_s: float
) -> Iterator[Line]:
    """Yield a line for each of *outcomes* but objections; *now_s* is their arrival."""
    at = datetime.fromtimestamp(int(now_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for outcome in outcomes:
        if isinstance(outcome, Event):
            yield _stored(outcome, at)
        elif outcome.reason not in UNCOUNTED:
            yield DropLine(
                at=at, site=outcome.site, protocol=protocol, reason=outcome.reason
            )


def encode_line(line: Line) -> bytes:
    """Return *line* as JSON and a line feed."""
    return _ENCODER.encode(line) + b"\n"


def decode_line(encoded: bytes) -> Line:
    """Return the line that ``encode_line`` made."""
    line: Line = _DECODER.decode(encoded)
    return line


def _stored(event: Event, at: str) -> EventLine:
    return EventLine(
        at=at,
        site=event.site,
        protocol=event.protocol,
        name=event.name,
        path=event.path,
        source=event.source,
        channel=event.channel,
        country=event.country,
        browser=event.browser,
        order=event.order_key is not None or event.value_minor is not None,
    )
