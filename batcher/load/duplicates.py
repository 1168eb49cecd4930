"""Tell first events from repeated ones: by message id for a while, by order for ever.

Whatever is stored already wins. Among new events the earliest wins, whatever order
they lie in; at the same second the one that was spooled first. An order may be reported
once by a browser and once by the shop's server, on one day: the build makes both one.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from batcher.load.key_index import KeyIndex, event_key, order_key, report_key, window
from warehouse.dtypes import polars_schema
from warehouse.schema import DROPS
from warehouse.tables import TableView

DUPLICATE = "duplicate"
_UTC = "UTC"
_DROP_KEY = ("site", "day", "hour", "reason", "protocol")


class DuplicateSplit(NamedTuple):
    """New events, and those that repeat an event."""

    first: pl.DataFrame
    repeated: pl.DataFrame


def split_duplicates(
    events: pl.DataFrame, stored: TableView, seen: KeyIndex, *, window_days: int
) -> DuplicateSplit:
    """Split *events* into those to store and those *stored* or they themselves have.

    The same (site, event_id) repeats where the days are at most *window_days* apart;
    the same (site, order_key) of an order placed repeats always, but for one report
    of the other kind (``server``) on the same day.
    """
    seen.forget_all_but(stored.files())
    keyed = events.select(
        "day", "at", "server", event=event_key(), order=order_key()
    ).with_row_index("row")
    repeated = set(_stored_events(keyed, stored, seen, window_days))
    repeated.update(_again_events(_without(keyed, repeated), window_days))
    repeated.update(_stored_orders(_without(keyed, repeated), stored, seen))
    repeated.update(_again_orders(_without(keyed, repeated)))
    if not repeated:
        return DuplicateSplit(events, events.clear())
    is_repeated = pl.int_range(pl.len()).is_in(sorted(repeated))
    return DuplicateSplit(events.filter(~is_repeated), events.filter(is_repeated))


def _without(keyed: pl.DataFrame, rows: set[int]) -> pl.DataFrame:
    return keyed.filter(~pl.col("row").is_in(sorted(rows))) if rows else keyed


def _stored_events(
    keyed: pl.DataFrame, stored: TableView, seen: KeyIndex, window_days: int
) -> Iterator[int]:
    named = keyed.filter(pl.col("event").is_not_null())
    for day in named["day"].unique().sort():
        of_day = named.filter(pl.col("day") == day)
        found = seen.events(stored, of_day["event"], window(day, window_days))
        yield from of_day["row"].filter(found)


def _stored_orders(
    keyed: pl.DataFrame, stored: TableView, seen: KeyIndex
) -> Iterator[int]:
    order, server = pl.col("order"), pl.col("server")
    orders = keyed.filter(order.is_not_null()).with_columns(
        same=report_key(order, server), other=report_key(order, ~server)
    )
    if orders.is_empty():
        return
    yield from orders["row"].filter(seen.orders(stored, orders["same"]))
    twins = orders.filter(seen.orders(stored, orders["other"]))
    for day in twins["day"].unique():
        of_day = twins.filter(pl.col("day") == day)
        yield from of_day["row"].filter(~seen.orders(stored, of_day["other"], day))


def _again_events(keyed: pl.DataFrame, window_days: int) -> Iterator[int]:
    """Yield the rows that repeat an earlier row of the same frame."""
    days_of: dict[int, list[date]] = {}
    for row, key, day, _ in _repeated(keyed, "event"):
        days = days_of.setdefault(key, [])
        if any(abs((day - other).days) <= window_days for other in days):
            yield row
        else:
            days.append(day)


def _again_orders(keyed: pl.DataFrame) -> Iterator[int]:
    placed: dict[int, tuple[date, set[bool]]] = {}
    for row, key, day, server in _repeated(keyed, "order"):
        first_day, reporters = placed.setdefault(key, (day, set()))
        if day != first_day or server in reporters:
            yield row
        else:
            reporters.add(server)


def _repeated(keyed: pl.DataFrame, column: str) -> list[tuple[int, int, date, bool]]:
    """Return (row, key, day, server) of the keys that repeat, earliest first."""
    named = keyed.filter(pl.col(column).is_not_null())
    again = named.filter(pl.col(column).is_duplicated()).sort("at", "row")
    return again.select("row", column, "day", "server").rows()


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
