"""What refunds without an amount take of an order that became known after them.

A load stores the amount of a refund of an order of another day. If the order is not
known yet, a refund without an amount stays open. Once the order is stored, the first of
its open refunds takes what is left: docs/decisions/0066-refunds-before-their-order.md.
All functions are pure, and the order of rows does not affect the result.
"""

from typing import Final

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.figures.order_rule import (
    EARLIEST,
    ORDER,
    ORDER_PLACED,
    ORDER_REFUNDED,
    best_figures_first,
    with_amounts_taken,
)
from warehouse.figures.row_order import by_content
from warehouse.schema import EVENTS

# The columns of the reports and refunds of an order.
OF_ORDERS: Final = (
    *("site", "day", "at", "seq", "event_id", "name", "server", "order_key"),
    *("currency", "value_minor", "refund_minor", "amount_from_items"),
)
_DAY_OF_ORDER: Final = [*ORDER, "day"]
_STORED: Final = polars_schema(EVENTS)
NO_RESTS: Final = pl.DataFrame(
    schema={
        **{name: _STORED[name] for name in _DAY_OF_ORDER},
        "rest_minor": _STORED["refund_minor"],
        "rest_currency": _STORED["currency"],
    }
)


def is_open_refund() -> pl.Expr:
    """Return whether an event is a refund of some order, without an amount."""
    is_refund = pl.col("name") == ORDER_REFUNDED
    return (
        is_refund & pl.col("refund_minor").is_null() & pl.col("order_key").is_not_null()
    )


def rests_of_orders(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what is left of each order for the first of its open refunds.

    *rows* are all reports and refunds of some orders, on all days. The result has the
    order, the ``day`` of the open refund, ``rest_minor`` and ``rest_currency``. Refunds
    of the order's own day are not open: a build limits them. The amounts of all other
    refunds of the order come first, and the rest is at least zero.
    """
    events = _unique(rows)
    placed = events.filter(pl.col("value_minor").is_not_null(), name=ORDER_PLACED)
    orders = best_figures_first(placed).unique(ORDER, keep="first", maintain_order=True)
    refunds = events.filter(name=ORDER_REFUNDED).join(
        orders.select(*ORDER, order_day="day"), on=ORDER, maintain_order="left"
    )
    is_own_day = pl.col("day") == pl.col("order_day")
    is_open = is_open_refund() & ~is_own_day
    taken = pl.concat(
        [
            with_amounts_taken(refunds.filter(is_own_day).drop("order_day"), orders),
            # What a load stored is not limited again.
            refunds.filter(~is_own_day, ~is_open).drop("order_day"),
        ],
        how="diagonal",
    ).select(*ORDER, "currency", "refund_minor")
    first = refunds.filter(is_open).unique(ORDER, keep="first", maintain_order=True)
    return _with_rests(first.select(_DAY_OF_ORDER), orders, taken)


def _unique(rows: pl.DataFrame) -> pl.DataFrame:
    """Return *rows* in order of time, each message of a day once."""
    ordered = rows[by_content(rows, ["day", *EARLIEST])]
    is_first = pl.struct("site", "day", "event_id").is_first_distinct()
    return ordered.filter(pl.col("event_id").is_null() | is_first)


def _with_rests(
    first: pl.DataFrame, orders: pl.DataFrame, taken: pl.DataFrame
) -> pl.DataFrame:
    """Return the refunds *first* with the value of their order less what is *taken*."""
    figures = orders.select(*ORDER, "value_minor", rest_currency="currency")
    # Two null currencies are the site's own.
    same = pl.col("currency").eq_missing(pl.col("rest_currency"))
    sums = (
        taken.join(figures, on=ORDER)
        .filter(same)
        .group_by(ORDER)
        .agg(taken_minor=pl.col("refund_minor").sum())
    )
    rest = pl.col("value_minor") - pl.col("taken_minor").fill_null(0)
    return (
        first.join(figures, on=ORDER)
        .join(sums, on=ORDER, how="left")
        .select(
            *_DAY_OF_ORDER,
            rest.clip(lower_bound=0).alias("rest_minor"),
            "rest_currency",
        )
        .sort(_DAY_OF_ORDER)
    )


def with_rests(refunds: pl.DataFrame, rests: pl.DataFrame) -> pl.DataFrame:
    """Return *refunds* with the rests that the first open refund of each order takes.

    *refunds* are sorted by time, with ``name``, and their orders are not of their day.
    """
    if rests.is_empty() or refunds.is_empty():
        return refunds
    is_open = is_open_refund()
    takes = is_open & (is_open.cum_sum().over(_DAY_OF_ORDER) == 1)
    takes &= pl.col("rest_minor").is_not_null()
    return (
        refunds.join(rests, on=_DAY_OF_ORDER, how="left", maintain_order="left")
        .with_columns(
            refund_minor=pl.when(takes).then("rest_minor").otherwise("refund_minor"),
            currency=pl.when(takes).then("rest_currency").otherwise("currency"),
        )
        .select(refunds.columns)
    )
