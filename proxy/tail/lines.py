"""Lines of the live view: at most the stored fields of a hit, and no ids.

Hits of visitors who objected have no line: an objection leaves no trace, not even on a
screen.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from proxy.pipeline.drops import UNCOUNTED, Dropped
from warehouse.schema import Event


class EventLine(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"
):
    """A stored event; *order* says whether it has an order or an amount.

    *visitor* says whether it has a visitor, never which.
    """

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
    visitor: bool = True


class DropLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="drop",
):
    """A dropped hit, with the fields of its counter."""

    at: str
    site: str
    protocol: str
    reason: str
    bot_kind: str | None = None


class MissedLines(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="missed"
):
    """The number of lines that a slow listener missed."""

    count: int


Line = EventLine | DropLine | MissedLines

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Line)


def lines_of(
    outcomes: Sequence[Event | Dropped], protocol: str, now_s: float
) -> Iterator[Line]:
    """Yield a line for each outcome except objections; *now_s* is the arrival time."""
    at = datetime.fromtimestamp(int(now_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for outcome in outcomes:
        if isinstance(outcome, Event):
            yield _event_line(outcome, at)
        elif outcome.reason not in UNCOUNTED:
            yield DropLine(
                at=at,
                site=outcome.site,
                protocol=protocol,
                reason=outcome.reason,
                bot_kind=outcome.bot_kind,
            )


def encode_line(line: Line) -> bytes:
    """Return *line* as JSON with a line feed."""
    return _ENCODER.encode(line) + b"\n"


def decode_line(encoded: bytes) -> Line:
    """Return the line that ``encode_line`` encoded."""
    line: Line = _DECODER.decode(encoded)
    return line


def _event_line(event: Event, at: str) -> EventLine:
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
        visitor=event.visitor is not None,
    )
