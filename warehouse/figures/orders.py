"""Merge all reports of an order of one day, and limit refunds to the order's value.

A browser and the shop's server may both report an order, and each may report it again:
docs/decisions/0062-one-order-two-reports.md has the rules. The rows are few, and their
order does not affect the result.
"""

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.figures.open_refunds import NO_RESTS, with_rests
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
# The columns for the dimensions of an order: its session, and the values of its event.
_PLACE = (
    "session",
    *(
        name
        for name in polars_schema(EVENTS)
        if name in polars_schema(SESSIONS) and name not in _NO_PLACE
    ),
)


def merged_orders(placed: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each (site, order_key); a row without a key is its own order.

    The figures come from the shop's server. The session and the other columns in
    ``_PLACE`` come from the earliest report with a session.
    """
    keys = repeated(placed["order_key"].drop_nulls())
    if keys.is_empty():
        return placed
    is_repeated = placed["order_key"].is_in(keys.implode()).fill_null(value=False)
    reports = placed.filter(is_repeated)
    reports = reports[by_content(reports, [*ORDER, *EARLIEST])]
    merged = _placing_reports(reports).join(_figures(reports), on=ORDER)
    return pl.concat([placed.filter(~is_repeated), merged.select(placed.columns)])


def _placing_reports(reports: pl.DataFrame) -> pl.DataFrame:
    """Return the report of each order whose session and values the order takes."""
    loose = pl.col("session").is_null()
    ranked = reports.sort(loose, loose & pl.col("server"), maintain_order=True)
    first = ranked.unique(ORDER, keep="first", maintain_order=True)
    return first.drop("currency", *_FIGURES, strict=False)


def _figures(reports: pl.DataFrame) -> pl.DataFrame:
    """Return the figures of each order; later reports fill gaps of the first one."""
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


def resolved_refunds(
    refunded: pl.DataFrame, orders: pl.DataFrame, rests: pl.DataFrame = NO_RESTS
) -> pl.DataFrame:
    """Return *refunded* with the amount of each, and the session of its order.

    ``refund_minor`` is never null, and the refunds of an order in *orders* together
    never exceed its value. A refund of the whole value without lines gets the lines of
    the order. *rests* are what is left of orders of other days for open refunds.
    """
    if refunded.is_empty():
        return refunded
    place = [name for name in _PLACE if name in refunded.columns]
    known = orders.select(*ORDER, *place, "value_minor", "currency", "items")
    by_time = refunded[by_content(refunded, [*ORDER, *EARLIEST])]
    refunds = with_amounts_taken(with_rests(by_time, rests), known)
    has_lines = (pl.col("items").list.len() > 0).fill_null(value=False)
    return refunds.with_columns(
        *(
            pl.when("order_found").then(f"order_{name}").otherwise(name).alias(name)
            for name in place
        ),
        items=pl.when(takes_all() & ~has_lines).then("order_items").otherwise("items"),
    ).select(refunded.columns)
