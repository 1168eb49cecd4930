"""The stored rows of a few orders, found without reading all that is stored."""

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from batcher.load.key_index import KeyIndex, order_key, report_key
from warehouse.figures.order_rule import ORDER, ORDER_PLACED
from warehouse.tables import TableView


def days_of_orders(
    orders: pl.DataFrame, stored: TableView, seen: KeyIndex
) -> set[date]:
    """Return the days on which reports of *orders* (site, order_key) are stored."""
    placed = orders.with_columns(name=pl.lit(ORDER_PLACED))
    keys = [
        placed.select(key=report_key(order_key(), pl.lit(value=server)))["key"]
        for server in (False, True)
    ]
    return {each.day for each in seen.files_with_orders(stored, pl.concat(keys))}


def order_rows(
    orders: pl.DataFrame,
    stored: TableView,
    days: Collection[date],
    names: Sequence[str],
    columns: Sequence[str],
) -> pl.DataFrame:
    """Return *columns* of the events of *orders* on *days* that have one of *names*.

    They are picked while the files are read: a day is never in memory.
    """
    keys = orders["order_key"].unique().implode()
    wanted = pl.col("name").is_in(names) & pl.col("order_key").is_in(keys)
    rows = stored.collect(stored.scan(days, columns).filter(wanted))
    return rows.join(orders, on=ORDER, how="semi")
