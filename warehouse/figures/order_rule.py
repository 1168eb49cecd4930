"""What an order is worth, and what its refunds take back: the one rule of both.

The load looks up orders of earlier days with it, the build settles a day, and reports
compare all days: docs/decisions/0062-one-order-two-reports.md. Pure.
"""

import polars as pl

ORDER_PLACED = "order_placed"
ORDER_REFUNDED = "order_refunded"

# What an order is known by, and the order in which its events count within a day.
ORDER = ("site", "order_key")
EARLIEST = ("at", "seq", "event_id")
_OF_ORDER = "order_"
_FOUND = "order_found"


def best_figures_first(reports: pl.DataFrame) -> pl.DataFrame:
    """Return *reports*, given in order of time, those first whose figures hold.

    The server's figures hold; a report without a value yields to one with a value.
    """
    has_no_value = pl.col("value_minor").is_null()
    return reports.sort(has_no_value, ~pl.col("server"), maintain_order=True)


def with_amounts_taken(refunds: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Return *refunds*, given in order of time, with what each takes of its order.

    *orders* has a row for each (site, order_key) with its figures. A refund without
    an amount takes what earlier refunds left, in the currency of the order. Together
    they take at most the order's value, as far as they are in its currency.
    ``refund_minor`` is never null. Each column of an order follows as ``order_…``,
    null where the order is unknown; ``order_found`` is whether it is known.
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

    False where the two cannot be compared.
    """
    value = pl.col("order_value_minor")
    return _is_comparable() & (pl.col("refund_minor") == value)


def line_worth() -> pl.Expr:
    """Return what one line in ``items`` is worth, null without a price."""
    item = pl.col("items").struct
    return item.field("quantity").fill_null(1) * item.field("price_minor")


def refunded_worth(worth: pl.Expr) -> pl.Expr:
    """Return what a refund's lines take back: they may have negative quantities."""
    return worth.abs()


def _currency() -> pl.Expr:
    """Return a refund's currency: its order's, where it names no amount."""
    takes_rest = pl.col(_FOUND) & pl.col("refund_minor").is_null()
    return pl.when(takes_rest).then("order_currency").otherwise("currency")


def _is_comparable() -> pl.Expr:
    """Return whether a refund's amount can be compared with its order's value."""
    same = _currency().eq_missing(pl.col("order_currency"))
    return pl.col(_FOUND) & pl.col("order_value_minor").is_not_null() & same


def _amount_taken() -> pl.Expr:
    value = pl.col("order_value_minor")
    asked = pl.when(_is_comparable()).then(pl.col("refund_minor").fill_null(value))
    so_far = asked.fill_null(0).cum_sum().over(ORDER)
    before = pl.min_horizontal(so_far - asked, value)
    return (
        pl.when(_is_comparable())
        .then(pl.min_horizontal(so_far, value) - before)
        .otherwise(pl.col("refund_minor").fill_null(0))
    )
