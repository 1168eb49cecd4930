"""What the tables hold of a site's orders, so that an import adds only the rest."""

from datetime import date

import msgspec
import polars as pl

from warehouse.figures.order_rule import (
    EARLIEST,
    ORDER,
    ORDER_PLACED,
    ORDER_REFUNDED,
    best_figures_first,
    with_amounts_taken,
)
from warehouse.figures.row_order import by_content
from warehouse.schema import DAILY_STATS, EVENTS, Hash64
from warehouse.tables import Warehouse

_COLUMNS = (
    *("site", "day", "at", "seq", "event_id", "name", "server", "order_key"),
    *("currency", "value_minor", "refund_minor", "amount_from_items"),
)


class StoredOrder(msgspec.Struct):
    """An order in the tables, or one that this import has filed.

    *has_server*: the shop's server or an import reported it, not only a browser.
    """

    day: date
    at: int
    minor: int | None
    currency: str
    has_server: bool
    refunded_minor: int = 0


class StoredOrders(msgspec.Struct):
    """The orders of a site by key, the ids of its refunds, and its days without events.

    *closed_days* have figures, but no events any more.
    """

    orders: dict[Hash64, StoredOrder]
    refund_ids: set[Hash64]
    closed_days: set[date]


def read_stored(warehouse: Warehouse, site_id: str, currency: str) -> StoredOrders:
    """Read the orders and refunds of *site_id* on all days.

    *currency* is that of amounts without one.
    """
    events = _events(warehouse, site_id, currency)
    placed = events.filter(name=ORDER_PLACED)
    refunds = events.filter(name=ORDER_REFUNDED)
    best = best_figures_first(placed).unique(ORDER, keep="first", maintain_order=True)
    refunded = _refunded(refunds, best)
    orders = {
        row["order_key"]: StoredOrder(
            row["day"],
            row["at_s"],
            row["value_minor"],
            row["currency"],
            row["has_server"],
            refunded.get(row["order_key"], 0),
        )
        for row in best.drop("day", "at").join(_moments(placed), on=ORDER).to_dicts()
    }
    refund_ids = {*refunds["event_id"].drop_nulls()}
    return StoredOrders(orders, refund_ids, _closed_days(warehouse, site_id))


def _events(warehouse: Warehouse, site_id: str, currency: str) -> pl.DataFrame:
    view = warehouse.view(EVENTS)
    events = view.collect(
        view.scan(columns=_COLUMNS).filter(
            pl.col("site") == site_id,
            pl.col("name").is_in([ORDER_PLACED, ORDER_REFUNDED]),
            pl.col("order_key").is_not_null(),
        )
    ).with_columns(pl.col("currency").fill_null(currency))
    return events[by_content(events, [*ORDER, *EARLIEST])]


def _moments(placed: pl.DataFrame) -> pl.DataFrame:
    """Return day and time of the first report of each order."""
    return placed.group_by(ORDER).agg(
        pl.col("day").first(),
        at_s=pl.col("at").first().dt.epoch("s"),
        has_server=pl.col("server").any(),
    )


def _refunded(refunds: pl.DataFrame, orders: pl.DataFrame) -> dict[Hash64, int]:
    """Return the refunded amount of each order, in the currency of the order."""
    known = orders.filter(pl.col("value_minor").is_not_null())
    taken = with_amounts_taken(refunds, known.select(refunds.columns))
    sums = (
        taken.filter("order_found", pl.col("currency") == pl.col("order_currency"))
        .group_by("order_key")
        .agg(pl.col("refund_minor").sum())
    )
    return dict(sums.iter_rows())


def _closed_days(warehouse: Warehouse, site_id: str) -> set[date]:
    stats = warehouse.view(DAILY_STATS)
    days = sorted({*stats.days()} - {*warehouse.view(EVENTS).days()})
    rows = stats.scan(days, ["site", "day"]).filter(pl.col("site") == site_id)
    return {*stats.collect(rows.select("day").unique())["day"]}
