"""Limits each refund to what is left of its order, on whatever day it was placed.

A build limits the refunds of the order's own day, because it reads no other day. So a
load looks up what is left of an order of another day, and stores that amount with the
refund. Refunds that are already stored keep their amounts.
"""

import polars as pl

from batcher.load.key_index import KeyIndex
from batcher.load.order_rows import days_of_orders, days_of_refunds, order_rows
from warehouse.figures.open_refunds import OF_ORDERS, is_open_refund
from warehouse.figures.order_rule import (
    EARLIEST,
    ORDER,
    ORDER_PLACED,
    ORDER_REFUNDED,
    best_figures_first,
    with_amounts_taken,
)
from warehouse.figures.row_order import by_content
from warehouse.table_commits import site_days
from warehouse.tables import TableView, TouchedDays

_COLUMNS = [*OF_ORDERS]


def with_amounts(
    events: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> pl.DataFrame:
    """Return *events* with the amount that each refund takes of its order.

    What is left is the value of the order, *stored* or among *events*, less what stored
    refunds and earlier ones of *events* took. Without an amount, a refund takes it all.
    A refund stays as it is if its order is not known, or if the build can limit it: all
    refunds of the order are of the order's own day.
    """
    is_refund = (pl.col("name") == ORDER_REFUNDED) & pl.col("order_key").is_not_null()
    numbered = events.select(_COLUMNS).with_row_index("row")
    refunds = numbered.filter(is_refund)
    if refunds.is_empty():
        return events
    orders = refunds.select(ORDER).unique()
    new = numbered.join(orders, on=ORDER, how="semi")
    rows = pl.concat([_stored(orders, stored, key_index), new], how="diagonal_relaxed")
    by_load = rows.with_columns(is_new=pl.col("row").is_not_null())
    amounts = _amounts(by_load[by_content(by_load, ["is_new", "day", *EARLIEST])])
    return events if amounts.is_empty() else _filled(events, amounts)


def days_of_open_refunds(
    events: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> TouchedDays:
    """Return (site, day) of stored open refunds whose orders are among *events*.

    A build gives these refunds what is left of their orders.
    """
    placed = events.filter(pl.col("order_key").is_not_null(), name=ORDER_PLACED)
    orders = placed.select(ORDER).unique()
    days = days_of_refunds(orders, stored, key_index)
    if not days:
        return set()
    columns = [*ORDER, "day", "name", "refund_minor"]
    rows = order_rows(orders, stored, days, (ORDER_REFUNDED,), columns)
    return site_days(rows.filter(is_open_refund()))


def _stored(
    orders: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> pl.DataFrame:
    """Return the stored reports and refunds of *orders*."""
    days = days_of_orders(orders, stored, key_index)
    days |= days_of_refunds(orders, stored, key_index)
    return order_rows(orders, stored, days, (ORDER_PLACED, ORDER_REFUNDED), _COLUMNS)


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return row, amount and currency of the new refunds that a build cannot limit.

    *rows* are orders and refunds, first the stored ones, each part in order of time;
    stored ones have no ``row``.
    """
    placed = rows.filter(name=ORDER_PLACED)
    orders = best_figures_first(placed).unique(ORDER, keep="first", maintain_order=True)
    refunds = rows.filter(name=ORDER_REFUNDED)
    is_of_other_day = pl.col("day") != pl.col("order_day")
    # These come before the refunds of the order's own day, so a build, which reads
    # only its own day, cannot limit those.
    is_first = is_of_other_day & (
        ~pl.col("is_new") | (pl.col("day") < pl.col("order_day"))
    )
    return (
        with_amounts_taken(refunds, orders.filter(pl.col("value_minor").is_not_null()))
        .filter(
            pl.col("order_found"),
            pl.col("is_new"),
            is_of_other_day | is_first.any().over(ORDER),
        )
        .select("row", amount="refund_minor", of_order="currency")
    )


def _filled(events: pl.DataFrame, amounts: pl.DataFrame) -> pl.DataFrame:
    has_amount = pl.col("amount").is_not_null()
    return (
        events.with_row_index("row")
        .join(amounts, on="row", how="left", maintain_order="left")
        .with_columns(
            refund_minor=pl.when(has_amount).then("amount").otherwise("refund_minor"),
            currency=pl.when(has_amount).then("of_order").otherwise("currency"),
        )
        .select(events.columns)
    )
