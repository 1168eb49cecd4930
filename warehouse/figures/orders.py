"""A day's orders and refunds: all reports of an order made one, refunds within it.

Of each order a browser and the shop's server may have told, and either may have told
it again: docs/decisions/0062-one-order-two-reports.md says what holds then. The rows
are few; how they lie decides nothing.
"""

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.figures.order_rule import (
    EARLIEST,
    ORDER,
    best_figures_first,
    takes_all,
    with_amounts_taken,
)
from warehouse.figures.row_order import by_content, repeated
from warehouse.schema import EVENTS, SESSIONS

_FIGURES = (
    *("value_minor", "tax_minor", "shipping_minor", "discount_minor"),
    *("coupon", "items"),
)
_NO_PLACE = {"site", "day", "visitor", "engaged_ms", "currency", *_FIGURES}
# What says where an order belongs: its session, or what it goes by without one.
_PLACE = (
    "session",
    *(
        name
        for name in polars_schema(EVENTS)
        if name in polars_schema(SESSIONS) and name not in _NO_PLACE
    ),
)


def merged_orders(placed: pl.DataFrame) -> pl.DataFrame:
    """Return one row of each (site, order_key); without a key each row is an order.

    The figures are those of the shop's server, the place that of the earliest report
    with a session.
    """
    keys = repeated(placed["order_key"].drop_nulls())
    if keys.is_empty():
        return placed
    again = placed["order_key"].is_in(keys.implode()).fill_null(value=False)
    reports = placed.filter(again)
    reports = reports[by_content(reports, [*ORDER, *EARLIEST])]
    merged = _placing(reports).join(_figures(reports), on=ORDER)
    return pl.concat([placed.filter(~again), merged.select(placed.columns)])


def _placing(reports: pl.DataFrame) -> pl.DataFrame:
    """Return of each order the report that says where it belongs."""
    loose = pl.col("session").is_null()
    ranked = reports.sort(loose, loose & pl.col("server"), maintain_order=True)
    first = ranked.unique(ORDER, keep="first", maintain_order=True)
    return first.drop("currency", *_FIGURES, strict=False)


def _figures(reports: pl.DataFrame) -> pl.DataFrame:
    """Return each order's figures; what the first report lacks, another fills."""
    same = pl.col("currency").eq_missing(pl.col("currency").first())
    return (
        best_figures_first(reports)
        .group_by(ORDER, maintain_order=True)
        .agg(
            pl.col("currency").first(),
            *(
                pl.col(name).filter(same).drop_nulls().first()
                for name in _FIGURES
                if name in reports.columns
            ),
        )
    )


def resolved_refunds(refunded: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Return *refunded* with what each takes back, at the place of its order.

    ``refund_minor`` is never null, and of one order in *orders* together never more
    than its value. One that takes back all and names no lines has the order's.
    """
    if refunded.is_empty():
        return refunded
    place = [name for name in _PLACE if name in refunded.columns]
    wanted = orders.select(*ORDER, *place, "value_minor", "currency", "items")
    in_time = refunded[by_content(refunded, [*ORDER, *EARLIEST])]
    taken = with_amounts_taken(in_time, wanted)
    lines = (pl.col("items").list.len() > 0).fill_null(value=False)
    return taken.with_columns(
        *(
            pl.when("order_found").then(f"order_{name}").otherwise(name).alias(name)
            for name in place
        ),
        items=pl.when(takes_all() & ~lines).then("order_items").otherwise("items"),
    ).select(refunded.columns)
