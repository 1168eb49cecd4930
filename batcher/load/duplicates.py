"""Separate new events from repeated events.

Events with a message id repeat within a window of days. Orders repeat without limit.
A stored event wins over a new event. Among new events the earliest wins, in any input
order: by second, then by ``seq``, then by place in the spool. A browser and the shop's
server may each report an order once on the same day: the build merges both reports.
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
_DROP_KEY = DROPS.key


class DuplicateSplit(NamedTuple):
    """New events, and events that repeat another event."""

    first: pl.DataFrame
    repeated: pl.DataFrame


def split_duplicates(
    events: pl.DataFrame, stored: TableView, key_index: KeyIndex, *, window_days: int
) -> DuplicateSplit:
    """Split *events* into new ones and ones that repeat in *stored* or in *events*.

    An event repeats if another event has the same (site, event_id) and their days are
    at most *window_days* apart. A placed order repeats if another has the same (site,
    order_key). Exception: on the same day one report from a browser and one from the
    shop's ``server`` are both new.
    """
    key_index.drop_removed_files(stored.files())
    keyed = events.select(
        "day", "at", "seq", "server", event=event_key(), order=order_key()
    ).with_row_index("row")
    repeated = set(_repeats_of_stored_events(keyed, stored, key_index, window_days))
    repeated.update(_repeated_events(_without(keyed, repeated), window_days))
    rest = _without(keyed, repeated)
    repeated.update(_repeats_of_stored_orders(rest, stored, key_index))
    repeated.update(_repeated_orders(_without(keyed, repeated)))
    if not repeated:
        return DuplicateSplit(events, events.clear())
    is_repeated = pl.int_range(pl.len()).is_in(sorted(repeated))
    return DuplicateSplit(events.filter(~is_repeated), events.filter(is_repeated))


def _without(keyed: pl.DataFrame, rows: set[int]) -> pl.DataFrame:
    return keyed.filter(~pl.col("row").is_in(sorted(rows))) if rows else keyed


def _repeats_of_stored_events(
    keyed: pl.DataFrame, stored: TableView, key_index: KeyIndex, window_days: int
) -> Iterator[int]:
    with_id = keyed.filter(pl.col("event").is_not_null())
    for day in with_id["day"].unique().sort():
        rows = with_id.filter(pl.col("day") == day)
        is_stored = key_index.events(stored, rows["event"], window(day, window_days))
        yield from rows["row"].filter(is_stored)


def _repeats_of_stored_orders(
    keyed: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> Iterator[int]:
    order, server = pl.col("order"), pl.col("server")
    orders = keyed.filter(order.is_not_null()).with_columns(
        same=report_key(order, server), other=report_key(order, ~server)
    )
    if orders.is_empty():
        return
    yield from orders["row"].filter(key_index.orders(stored, orders["same"]))
    # The other reporter's report is stored. The order is new only on the same day.
    twins = orders.filter(key_index.orders(stored, orders["other"]))
    for day in twins["day"].unique():
        rows = twins.filter(pl.col("day") == day)
        is_same_day = key_index.orders(stored, rows["other"], day)
        yield from rows["row"].filter(~is_same_day)


def _repeated_events(keyed: pl.DataFrame, window_days: int) -> Iterator[int]:
    """Yield the rows that repeat an earlier row of *keyed*."""
    days_by_key: dict[int, list[date]] = {}
    for row, key, day, _ in _rows_with_same_key(keyed, "event"):
        days = days_by_key.setdefault(key, [])
        if any(abs((day - other).days) <= window_days for other in days):
            yield row
        else:
            days.append(day)


def _repeated_orders(keyed: pl.DataFrame) -> Iterator[int]:
    placed: dict[int, tuple[date, set[bool]]] = {}
    for row, key, day, server in _rows_with_same_key(keyed, "order"):
        first_day, reporters = placed.setdefault(key, (day, set()))
        if day != first_day or server in reporters:
            yield row
        else:
            reporters.add(server)


def _rows_with_same_key(
    keyed: pl.DataFrame, column: str
) -> list[tuple[int, int, date, bool]]:
    """Return (row, key, day, server) of all rows that share a key, earliest first."""
    with_key = keyed.filter(pl.col(column).is_not_null())
    rows = with_key.filter(pl.col(column).is_duplicated()).sort("at", "seq", "row")
    return rows.select("row", column, "day", "server").rows()


def event_drops(
    events: pl.DataFrame, reason: str, zones: Mapping[str, str]
) -> pl.DataFrame:
    """Return *events* as rows of ``drops``, on the day and hour of the event."""
    parts = [
        part.select(
            "site",
            "day",
            pl.col("at")
            .dt.convert_time_zone(zones.get(str(site), _UTC))
            .dt.hour()
            .cast(pl.Int64)
            .alias("hour"),
            pl.lit(reason).alias("reason"),
            "protocol",
            pl.lit(1, pl.Int64).alias("count"),
            pl.lit(None, pl.String).alias("bot_kind"),
        )
        for (site,), part in events.group_by("site")
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=polars_schema(DROPS))


def sum_drops(drops: pl.DataFrame) -> pl.DataFrame:
    """Return *drops* with one row per key, with the columns in the table's order."""
    summed = drops.group_by(_DROP_KEY).agg(pl.col("count").sum())
    return summed.sort(_DROP_KEY).select(polars_schema(DROPS).names())
