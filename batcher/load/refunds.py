"""Amounts for refunds without an amount, if their order is from another day.

The build matches orders and refunds of the same day, and reads no other day. So the
load looks up the rest of an order from another day once, and stores this amount with
the refund. Such refunds are rare: a shop's own reports usually name the amount.
"""

import polars as pl

from batcher.load.key_index import KeyIndex
from batcher.load.order_rows import days_of_orders, order_rows
from warehouse.figures.order_rule import (
    EARLIEST,
    ORDER,
    ORDER_PLACED,
    ORDER_REFUNDED,
    best_figures_first,
    with_amounts_taken,
)
from warehouse.figures.row_order import by_content
from warehouse.tables import TableView

_COLUMNS = [
    *("site", "day", "at", "seq", "event_id", "name", "server", "order_key"),
    *("currency", "value_minor", "refund_minor"),
]


def with_amounts(
    events: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> pl.DataFrame:
    """Return *events* with the amount filled in for refunds that have none.

    The amount is the rest of the order: its value less earlier refunds. Only orders of
    another day count, in *stored* or in *events*. A refund of an unknown order does not
    change.
    """
    is_refund = pl.col("name") == ORDER_REFUNDED
    has_no_amount = pl.col("refund_minor").is_null() & pl.col("order_key").is_not_null()
    numbered = events.select(_COLUMNS).with_row_index("row")
    open_refunds = numbered.filter(is_refund & has_no_amount)
    if open_refunds.is_empty():
        return events
    orders = open_refunds.select(ORDER).unique()
    stored_rows = _stored_rows(orders, stored, key_index)
    new_rows = numbered.join(orders, on=ORDER, how="semi")
    rows = pl.concat([stored_rows, new_rows], how="diagonal_relaxed")
    amounts = _amounts(rows[by_content(rows, ["day", *EARLIEST])])
    return events if amounts.is_empty() else _filled(events, amounts)


def _stored_rows(
    orders: pl.DataFrame, stored: TableView, key_index: KeyIndex
) -> pl.DataFrame:
    """Return the stored rows of *orders* and of their refunds."""
    order_days = days_of_orders(orders, stored, key_index)
    days = [day for day in stored.days() if order_days and day >= min(order_days)]
    return order_rows(orders, stored, days, (ORDER_PLACED, ORDER_REFUNDED), _COLUMNS)


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return row, amount and currency of the refunds that need an amount.

    *rows* are orders and refunds in order of time. Stored rows have no ``row``.
    """
    placed = rows.filter(name=ORDER_PLACED)
    orders = best_figures_first(placed).unique(ORDER, keep="first", maintain_order=True)
    refunds = rows.filter(name=ORDER_REFUNDED).with_columns(
        needs_amount=pl.col("refund_minor").is_null() & pl.col("row").is_not_null()
    )
    is_other_day = pl.col("day") != pl.col("order_day")
    return (
        with_amounts_taken(refunds, orders.filter(pl.col("value_minor").is_not_null()))
        .filter(pl.col("needs_amount") & is_other_day)
        .select("row", amount="refund_minor", order_currency="currency")
    )


def _filled(events: pl.DataFrame, amounts: pl.DataFrame) -> pl.DataFrame:
    return (
        events.with_row_index("row")
        .join(amounts, on="row", how="left", maintain_order="left")
        .with_columns(
            refund_minor=pl.coalesce("refund_minor", "amount"),
            currency=pl.coalesce("order_currency", "currency"),
        )
        .select(events.columns)
    )
