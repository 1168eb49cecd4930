"""The day of an order that a browser told of, and the shop's server a day later.

Both reports are one order, with the server's figures, and a day is built from its own
events: so the later one goes to the day of the first. A server's event has no visit of
its own that this could tear apart.
"""

from collections.abc import Collection

import polars as pl

from batcher.load.key_index import KeyIndex, order_key, report_key
from batcher.load.order_rows import days_of_orders, order_rows
from warehouse.figures.order_rule import ORDER, ORDER_PLACED
from warehouse.tables import TableView

_READ = ["site", "day", "at", "name", "server", "order_key"]


def with_order_days(
    events: pl.DataFrame,
    stored: TableView,
    seen: KeyIndex,
    *,
    keyed: Collection[str] = (),
) -> pl.DataFrame:
    """Return *events* with a server's late reports on the day their order was made.

    Late is one of an order that a browser reported on an earlier day, *stored* or among
    *events*. It takes the time of that report, and loses visitor and actor, whose
    hashes mean nobody on another day, but for the actors of the *keyed* sites. The
    first report of the server that is stored stays.
    """
    placed = (pl.col("name") == ORDER_PLACED) & pl.col("order_key").is_not_null()
    reports = (
        events.select(_READ)
        .with_row_index("row")
        .filter(placed)
        .with_columns(
            same=report_key(order_key(), pl.col("server")),
            other=report_key(order_key(), ~pl.col("server")),
        )
    )
    told = _late(reports.filter("server"), stored, seen)
    if told.is_empty():
        return events
    orders = told.select(ORDER)
    days = days_of_orders(orders, stored, seen)
    placed_before = order_rows(orders, stored, days, (ORDER_PLACED,), _READ)
    first = pl.concat(
        [each.filter(~pl.col("server")) for each in (placed_before, reports)],
        how="diagonal",
    )
    return _moved(events, told, first, keyed)


def _late(told: pl.DataFrame, stored: TableView, seen: KeyIndex) -> pl.DataFrame:
    """Return those a server *told* that may be late; the usual ones are not.

    Neither one that the server told before, nor one whose twin is stored of its day.
    """
    if told.is_empty():
        return told
    told = told.filter(~seen.orders(stored, told["same"]))
    of_days = told.partition_by("day")
    return pl.concat(
        [
            told.clear(),
            *(
                each.filter(~seen.orders(stored, each["other"], each["day"][0]))
                for each in of_days
            ),
        ]
    )


def _moved(
    events: pl.DataFrame,
    told: pl.DataFrame,
    first: pl.DataFrame,
    keyed: Collection[str],
) -> pl.DataFrame:
    """Return *events* with those *told* moved to the *first* report, if it is earlier.

    What is stored comes first in *first*, and outranks what is loaded.
    """
    is_loaded = pl.col("row").is_not_null()
    place = (
        first.sort(is_loaded, "at", maintain_order=True)
        .unique(ORDER, keep="first", maintain_order=True)
        .select(*ORDER, to_day="day", to_at="at")
    )
    late = told.join(place, on=ORDER).filter(pl.col("to_day") < pl.col("day"))
    if late.is_empty():
        return events
    is_late = pl.col("to_day").is_not_null()
    return (
        events.with_row_index("row")
        .join(
            late.select("row", "to_day", "to_at"),
            on="row",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            day=pl.coalesce("to_day", "day"),
            at=pl.coalesce("to_at", "at"),
            visitor=pl.when(~is_late).then("visitor"),
            actor=pl.when(~is_late | pl.col("site").is_in(list(keyed))).then("actor"),
        )
        .select(events.columns)
    )
