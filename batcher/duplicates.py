"""Tell first events from repeated ones: by message id for a while, by order for ever.

Whatever is stored already wins. Among new events the earliest wins, whatever order
they lie in; at the same second the one that was spooled first.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from batcher.seen import SeenKeys, event_key, order_key, window
from warehouse.dtypes import polars_schema
from warehouse.schema import DROPS
from warehouse.tables import TableView

DUPLICATE = "duplicate"
_UTC = "UTC"
_DROP_KEY = ("site", "day", "hour", "reason", "protocol")


class Split(NamedTuple):
    """New events, and those that repeat an event."""

    first: pl.DataFrame
    repeated: pl.DataFrame


def split_duplicates(
    events: pl.DataFrame, stored: TableView, seen: SeenKeys, *, window_days: int
) -> Split:
    """Split *events* into those to store and those *stored* or they themselves have.

    The same (site, event_id) repeats where the days are at most *window_days* apart;
    the same (site, order_key) of an order placed repeats always.
    """
    seen.forget_all_but(stored.files())
    keyed = events.select(
        "day", "at", event=event_key(), order=order_key()
    ).with_row_index("row")
    repeated = set(_stored_events(keyed, stored, seen, window_days))
    repeated.update(_again_events(_without(keyed, repeated), window_days))
    repeated.update(_stored_orders(_without(keyed, repeated), stored, seen))
    repeated.update(_again_orders(_without(keyed, repeated)))
    if not repeated:
        return Split(events, events.clear())
    is_repeated = pl.int_range(pl.len()).is_in(sorted(repeated))
    return Split(events.filter(~is_repeated), events.filter(is_repeated))


def _without(keyed: pl.DataFrame, rows: set[int]) -> pl.DataFrame:
    return keyed.filter(~pl.col("row").is_in(sorted(rows))) if rows else keyed


def _stored_events(
    keyed: pl.DataFrame, stored: TableView, seen: SeenKeys, window_days: int
) -> Iterator[int]:
    named = keyed.filter(pl.col("event").is_not_null())
    for day in named["day"].unique().sort():
        of_day = named.filter(pl.col("day") == day)
        found = seen.events(stored, of_day["event"], window(day, window_days))
        yield from of_day["row"].filter(found)


def _stored_orders(
    keyed: pl.DataFrame, stored: TableView, seen: SeenKeys
) -> Iterator[int]:
    orders = keyed.filter(pl.col("order").is_not_null())
    if not orders.is_empty():
        yield from orders["row"].filter(seen.orders(stored, orders["order"]))


def _again_events(keyed: pl.DataFrame, window_days: int) -> Iterator[int]:
    """Yield the rows that repeat an earlier row of the same frame."""
    days_of: dict[int, list[date]] = {}
    for row, key, day in _repeated(keyed, "event"):
        days = days_of.setdefault(key, [])
        if any(abs((day - other).days) <= window_days for other in days):
            yield row
        else:
            days.append(day)


def _again_orders(keyed: pl.DataFrame) -> Iterator[int]:
    placed: set[int] = set()
    for row, key, _ in _repeated(keyed, "order"):
        if key in placed:
            yield row
        placed.add(key)


def _repeated(keyed: pl.DataFrame, column: str) -> list[tuple[int, int, date]]:
    """Return (row, key, day) of the keys that occur more than once, earliest first."""
    named = keyed.filter(pl.col(column).is_not_null())
    again = named.filter(pl.col(column).is_duplicated()).sort("at", "row")
    return again.select("row", column, "day").rows()


def duplicate_drops(repeated: pl.DataFrame, zones: Mapping[str, str]) -> pl.DataFrame:
    """Return repeated events as rows of ``drops``, under their own day and hour."""
    parts = [
        part.select(
            "site",
            "day",
            pl.col("at")
            .dt.convert_time_zone(zones.get(str(site), _UTC))
            .dt.hour()
            .cast(pl.Int64)
            .alias("hour"),
            pl.lit(DUPLICATE).alias("reason"),
            "protocol",
            pl.lit(1, pl.Int64).alias("count"),
        )
        for (site,), part in repeated.group_by("site")
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(DROPS))


def sum_drops(drops: pl.DataFrame) -> pl.DataFrame:
    """Return *drops* with one row for each key, in the order of the table."""
    summed = drops.group_by(_DROP_KEY).agg(pl.col("count").sum())
    return summed.sort(_DROP_KEY).select(polars_schema(DROPS).names())
