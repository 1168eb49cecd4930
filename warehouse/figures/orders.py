"""A day's orders and refunds: all reports of an order made one, refunds within it.

Of each order a browser and the shop's server may have told, and either may have told
it again: docs/decisions/0062-one-order-two-reports.md says what holds then. The rows
are few; how they lie decides nothing.
"""

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.figures.row_order import by_content, repeated
from warehouse.schema import EVENTS, SESSIONS

ORDER_PLACED = "order_placed"
ORDER_REFUNDED = "order_refunded"

_ORDER = ["site", "order_key"]
_EARLIEST = ["at", "seq", "event_id"]
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
    reports = reports[by_content(reports, [*_ORDER, *_EARLIEST])]
    merged = _placing(reports).join(_figures(reports), on=_ORDER)
    return pl.concat([placed.filter(~again), merged.select(placed.columns)])


def _placing(reports: pl.DataFrame) -> pl.DataFrame:
    """Return of each order the report that says where it belongs."""
    loose = pl.col("session").is_null()
    ranked = reports.sort(loose, loose & pl.col("server"), maintain_order=True)
    first = ranked.unique(_ORDER, keep="first", maintain_order=True)
    return first.drop("currency", *_FIGURES, strict=False)


def _figures(reports: pl.DataFrame) -> pl.DataFrame:
    """Return each order's figures; what the first report lacks, another fills."""
    unsaid = pl.col("value_minor").is_null()
    ranked = reports.sort(unsaid, ~pl.col("server"), maintain_order=True)
    same = pl.col("currency").eq_missing(pl.col("currency").first())
    return ranked.group_by(_ORDER, maintain_order=True).agg(
        pl.col("currency").first(),
        *(
            pl.col(name).filter(same).drop_nulls().first()
            for name in _FIGURES
            if name in reports.columns
        ),
    )


def settled_refunds(refunded: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Return *refunded* with what each takes back, at the place of its order.

    ``refund_minor`` is never null, and of one order in *orders* together never more
    than its value. One that takes back all and names no lines has the order's.
    """
    if refunded.is_empty():
        return refunded
    place = [name for name in _PLACE if name in refunded.columns]
    wanted = orders.select(*_ORDER, *place, "value_minor", "currency", "items")
    of_order = pl.all().exclude(_ORDER).name.prefix("order_")
    known = wanted.select(*_ORDER, of_order, found=pl.lit(value=True))
    joined = refunded[by_content(refunded, [*_ORDER, *_EARLIEST])].join(
        known, on=_ORDER, how="left", maintain_order="left"
    )
    taken = joined.with_columns(_taken(), currency=_currency(), found=_found())
    lines = (pl.col("items").list.len() > 0).fill_null(value=False)
    whole = _is_bounded() & (pl.col("refund_minor") == pl.col("order_value_minor"))
    return taken.with_columns(
        *(
            pl.when("found").then(f"order_{name}").otherwise(name).alias(name)
            for name in place
        ),
        items=pl.when(whole & ~lines).then("order_items").otherwise("items"),
    ).select(refunded.columns)


def _found() -> pl.Expr:
    return pl.col("found").fill_null(value=False)


def _currency() -> pl.Expr:
    """Return a refund's currency: its order's, where it names no amount."""
    of_order = _found() & pl.col("refund_minor").is_null()
    return pl.when(of_order).then("order_currency").otherwise("currency")


def _is_bounded() -> pl.Expr:
    """Return whether a refund's amount can be compared with its order's value."""
    same = _currency().eq_missing(pl.col("order_currency"))
    return _found() & pl.col("order_value_minor").is_not_null() & same


def _taken() -> pl.Expr:
    """Return what each refund takes back of what those before it left."""
    value = pl.col("order_value_minor")
    asked = pl.when(_is_bounded()).then(pl.col("refund_minor").fill_null(value))
    so_far = asked.fill_null(0).cum_sum().over(_ORDER)
    bounded = pl.min_horizontal(so_far, value) - pl.min_horizontal(
        so_far - asked, value
    )
    return (
        pl.when(_is_bounded())
        .then(bounded)
        .otherwise(pl.col("refund_minor").fill_null(0))
        .alias("refund_minor")
    )
