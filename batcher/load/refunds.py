"""What a refund takes back that names only its order, where that is of another day.

The build settles an order and its refunds of one day. It reads no other day, so what
is left of an earlier order is looked up here, once, and stored with the refund. Such
refunds are few: a shop's own reports usually name the amount.
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

_READ = [
    *("site", "day", "at", "seq", "event_id", "name", "server", "order_key"),
    *("currency", "value_minor", "refund_minor"),
]


def with_amounts(
    events: pl.DataFrame, stored: TableView, seen: KeyIndex
) -> pl.DataFrame:
    """Return *events* with what each refund without an amount leaves of its order.

    Only of an order of another day, *stored* or among *events*: what is left is its
    value less what refunds took before. One whose order is not known stays as it is.
    """
    of_refund = pl.col("name") == ORDER_REFUNDED
    asks = (
        of_refund & pl.col("refund_minor").is_null() & pl.col("order_key").is_not_null()
    )
    numbered = events.select(_READ).with_row_index("row")
    asking = numbered.filter(asks)
    if asking.is_empty():
        return events
    orders = asking.select(ORDER).unique()
    known = [_stored(orders, stored, seen), numbered.join(orders, on=ORDER, how="semi")]
    rows = pl.concat(known, how="diagonal_relaxed")
    found = _amounts(rows[by_content(rows, ["day", *EARLIEST])])
    return events if found.is_empty() else _filled(events, found)


def _stored(orders: pl.DataFrame, stored: TableView, seen: KeyIndex) -> pl.DataFrame:
    """Return what is stored of *orders*: they, and refunds of them since."""
    holding = days_of_orders(orders, stored, seen)
    since = [day for day in stored.days() if holding and day >= min(holding)]
    return order_rows(orders, stored, since, (ORDER_PLACED, ORDER_REFUNDED), _READ)


def _amounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return row, amount and currency of the refunds that ask for an amount.

    *rows* are orders and refunds in order of time; stored ones have no ``row``.
    """
    placed = rows.filter(name=ORDER_PLACED)
    orders = best_figures_first(placed).unique(ORDER, keep="first", maintain_order=True)
    refunds = rows.filter(name=ORDER_REFUNDED).with_columns(
        asks=pl.col("refund_minor").is_null() & pl.col("row").is_not_null()
    )
    is_of_earlier_day = pl.col("day") != pl.col("order_day")
    return (
        with_amounts_taken(refunds, orders.filter(pl.col("value_minor").is_not_null()))
        .filter(pl.col("asks") & is_of_earlier_day)
        .select("row", amount="refund_minor", of_order="currency")
    )


def _filled(events: pl.DataFrame, amounts: pl.DataFrame) -> pl.DataFrame:
    return (
        events.with_row_index("row")
        .join(amounts, on="row", how="left", maintain_order="left")
        .with_columns(
            refund_minor=pl.coalesce("refund_minor", "amount"),
            currency=pl.coalesce("of_order", "currency"),
        )
        .select(events.columns)
    )
