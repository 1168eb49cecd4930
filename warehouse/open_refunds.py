"""Looks up the orders of a day's open refunds on all other days.

Only a day with a refund that has no amount, of an order of another day, reads the
others. A load stores an amount with nearly every refund, so there are few such days.
"""

from collections.abc import Collection
from datetime import date

import polars as pl

from warehouse.figures.open_refunds import (
    NO_RESTS,
    OF_ORDERS,
    is_open_refund,
    rests_of_orders,
)
from warehouse.figures.order_rule import ORDER, ORDER_PLACED, ORDER_REFUNDED
from warehouse.table_view import TableView


def read_rests(events: TableView, day: date, sites: Collection[str]) -> pl.DataFrame:
    """Return ``rests_of_orders`` for the open refunds of *day*, of *sites* or all."""
    of_day = events.scan([day], OF_ORDERS)
    if sites:
        of_day = of_day.filter(pl.col("site").is_in(sites))
    is_placed = (pl.col("name") == ORDER_PLACED) & pl.col("order_key").is_not_null()
    rows = events.collect(of_day.filter(is_placed | is_open_refund()))
    placed = rows.filter(name=ORDER_PLACED)
    orders = rows.filter(name=ORDER_REFUNDED).select(ORDER).unique()
    orders = orders.join(placed, on=ORDER, how="anti")
    if orders.is_empty():
        return NO_RESTS
    keys = orders["order_key"].unique().implode()
    found = events.collect(
        events.scan(columns=OF_ORDERS).filter(
            pl.col("name").is_in([ORDER_PLACED, ORDER_REFUNDED]),
            pl.col("order_key").is_in(keys),
        )
    )
    rests = rests_of_orders(found.join(orders, on=ORDER, how="semi"))
    return rests.filter(pl.col("day") == day)
