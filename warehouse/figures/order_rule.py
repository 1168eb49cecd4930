"""The rules for the value of an order and the amounts of its refunds; pure functions.

The load uses them to look up orders of earlier days, the build to derive a day, and the
reports to compare all days: docs/decisions/0062-one-order-two-reports.md.
"""

import polars as pl

ORDER_PLACED = "order_placed"
ORDER_REFUNDED = "order_refunded"

# The key of an order, and the columns that sort the events of an order by time.
ORDER = ("site", "order_key")
EARLIEST = ("at", "seq", "event_id")
_OF_ORDER = "order_"
_FOUND = "order_found"


def best_figures_first(reports: pl.DataFrame) -> pl.DataFrame:
    """Return *reports*, sorted by time, with the reports first whose figures count.

    Reports with a value come before those without one, and values that were sent before
    sums of lines; then the server's reports before the browser's.
    """
    has_no_value, is_sum = pl.col("value_minor").is_null(), pl.col("amount_from_items")
    return reports.sort(has_no_value, is_sum, ~pl.col("server"), maintain_order=True)


def with_amounts_taken(refunds: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Return *refunds*, sorted by time, with the amount each takes from its order.

    *orders* has a row for each (site, order_key) with its figures. A refund without an
    amount takes the rest after earlier refunds, in the currency of the order. All
    refunds in the currency of the order together take at most its value.
    ``refund_minor`` is never null. The columns of the order are added with the prefix
    ``order_``; they are null if the order is unknown. ``order_found`` is whether the
    order is known.
    """
    known = orders.select(
        *ORDER,
        pl.all().exclude(ORDER).name.prefix(_OF_ORDER),
        pl.lit(value=True).alias(_FOUND),
    )
    return (
        refunds.join(known, on=ORDER, how="left", maintain_order="left")
        .with_columns(pl.col(_FOUND).fill_null(value=False))
        .with_columns(refund_minor=_amount_taken(), currency=_currency())
    )


def takes_all() -> pl.Expr:
    """Return whether a refund of ``with_amounts_taken`` takes its order's whole value.

    False if the amount and the value cannot be compared.
    """
    value = pl.col("order_value_minor")
    return _is_comparable() & (pl.col("refund_minor") == value)


def line_worth() -> pl.Expr:
    """Return the value of one line in ``items``, null without a price."""
    item = pl.col("items").struct
    return item.field("quantity").fill_null(1) * item.field("price_minor")


def refunded_worth(worth: pl.Expr) -> pl.Expr:
    """Return the value of refunded lines, whose quantities may be negative."""
    return worth.abs()


def _currency() -> pl.Expr:
    """Return the currency of a refund; without an amount, that of its order."""
    takes_rest = pl.col(_FOUND) & pl.col("refund_minor").is_null()
    return pl.when(takes_rest).then("order_currency").otherwise("currency")


def _is_comparable() -> pl.Expr:
    """Return whether the amount of a refund is comparable with its order's value."""
    same = _currency().eq_missing(pl.col("order_currency"))
    return pl.col(_FOUND) & pl.col("order_value_minor").is_not_null() & same


def _amount_taken() -> pl.Expr:
    value = pl.col("order_value_minor")
    reported = pl.when(_is_comparable()).then(pl.col("refund_minor").fill_null(value))
    so_far = reported.fill_null(0).cum_sum().over(ORDER)
    before = pl.min_horizontal(so_far - reported, value)
    return (
        pl.when(_is_comparable())
        .then(pl.min_horizontal(so_far, value) - before)
        .otherwise(pl.col("refund_minor").fill_null(0))
    )
