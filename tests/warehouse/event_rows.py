"""Events for tests: as row objects, as lines of the spool, and as frames."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl

from warehouse.dtypes import from_spool, polars_schema, spool_schema
from warehouse.schema import Event, Hash64, Item, Row, UtcSeconds

DAY = date(2026, 11, 22)


def event(**changes: Any) -> Event:
    """Return a pageview at noon UTC of its day, with *changes*."""
    day: date = changes.get("day", DAY)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    fields: dict[str, Any] = {
        "site": "shop",
        "day": day,
        "at": UtcSeconds(int(noon.timestamp())),
        "visitor": Hash64(7),
        "path": "/",
    }
    return Event(**fields | changes)


def lines(rows: Iterable[Row]) -> list[bytes]:
    """Return *rows* as the lines that the proxy spools."""
    return [msgspec.json.encode(row) for row in rows]


def frame(rows: Iterable[Row], row: type[Row] = Event) -> pl.DataFrame:
    """Return *rows* as their table stores them, converted from lines of the spool."""
    text = b"\n".join(lines(rows))
    return from_spool(pl.read_ndjson(text, schema=spool_schema(row)), row)


def events(stored: pl.DataFrame) -> list[Event]:
    """Return the rows of a frame as objects."""
    in_order = stored.select(polars_schema(Event).names())
    plain = in_order.with_columns(pl.col("at").dt.epoch("s"))
    return [_event(fields) for fields in plain.to_dicts()]


def _event(fields: dict[str, Any]) -> Event:
    items = fields["items"]
    if items is not None:
        fields["items"] = tuple(Item(**item) for item in items)
    return Event(**fields)


def paths(stored: pl.DataFrame) -> list[str]:
    """Return the sorted paths of the rows."""
    return sorted(row.path or "" for row in events(stored))
