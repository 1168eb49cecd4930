"""The stored rows of a few orders, found without reading the whole table."""

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

from batcher.load.key_index import KeyIndex, order_key, refund_key, report_key
from warehouse.figures.order_rule import ORDER, ORDER_PLACED, ORDER_REFUNDED
from warehouse.tables import TableView


def days_of_orders(
    orders: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> set[date]:
    """Return the days that have stored reports of *orders* (site, order_key)."""
    placed = orders.with_columns(name=pl.lit(ORDER_PLACED))
    keys = [
        placed.select(key=report_key(order_key(), pl.lit(value=server)))["key"]
        for server in (False, True)
    ]
    return {file.day for file in key_index.files_with_orders(stored, pl.concat(keys))}


def days_of_refunds(
    orders: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> set[date]:
    """Return the days that have stored refunds of *orders* (site, order_key)."""
    if orders.is_empty():
        return set()
    refunded = orders.with_columns(name=pl.lit(ORDER_REFUNDED))
    keys = refunded.select(key=refund_key())["key"].unique()
    return {file.day for file in key_index.files_with_refunds(stored, keys)}


def order_rows(
    orders: pl.DataFrame,
    stored: TableView,
    days: Collection[date],
    names: Sequence[str],
    columns: Sequence[str],
) -> pl.DataFrame:
    """Return the events with *names* of *orders* on *days*, with *columns* only.

    The rows are filtered while the files are read, so no whole day is in memory.
    """
    keys = orders["order_key"].unique().implode()
    is_match = pl.col("name").is_in(names) & pl.col("order_key").is_in(keys)
    rows = stored.collect(stored.scan(days, columns).filter(is_match))
    return rows.join(orders, on=ORDER, how="semi")
