"""The stored orders of a site, without duplicates, and who reported them.

All days are read, so an order that is stored on another day than in the shop's list is
not missing. Sessions come from the table ``sessions``, which the last build wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl

from config.settings import SiteSettings
from warehouse.dtypes import polars_schema
from warehouse.figures.open_refunds import rests_of_orders, with_rests
from warehouse.figures.order_rule import EARLIEST, ORDER_PLACED, ORDER_REFUNDED
from warehouse.figures.orders import merged_orders, resolved_refunds
from warehouse.figures.row_order import by_content
from warehouse.schema import EVENTS, SESSIONS
from warehouse.tables import Warehouse

_COLUMNS: Final = (
    *("site", "day", "at", "seq", "event_id", "visitor", "name", "server"),
    *("order_key", "currency", "value_minor", "refund_minor", "amount_from_items"),
)
_BY_KEY: Final = ["site", "order_key"]
_BY_TIME: Final = [*_BY_KEY, "day", *EARLIEST]
_REPORT_COLUMNS: Final = ["has_browser_report", "has_visitor", "has_session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """A stored order, with all its reports merged.

    *has_browser_report*: a browser reported the order. *has_visitor*: a report names
    the visitor, so a session can be found. *has_session*: the visitor had a session
    when the order was placed. *refunded_minor* is in the currency of the order,
    *refunded_own_minor* in that of the site.
    """

    key: int | None
    day: date
    at: datetime
    minor: int | None
    currency: str
    refunds: int
    refunded_minor: int
    refunded_own_minor: int
    has_browser_report: bool
    has_visitor: bool
    has_session: bool


def stored_orders(warehouse: Warehouse, site: SiteSettings) -> Iterator[StoredOrder]:
    """Yield the orders of *site* on all days, oldest first."""
    events = _events(warehouse, site)
    placed = _with_session(warehouse, events.filter(name=ORDER_PLACED))
    refunded = events.filter(name=ORDER_REFUNDED).with_columns(
        session=pl.lit(None, pl.UInt32)
    )
    orders = merged_orders(placed).sort("at", "order_key")
    counted = _counted_refunds(refunded, orders, rests_of_orders(events))
    refunds = _refunds(counted, orders, site)
    joined = orders.join(_reports(placed), on=_BY_KEY, how="left").join(
        refunds, on=_BY_KEY, how="left"
    )
    rows = joined.select(
        "day",
        "at",
        "currency",
        pl.col("refunds", "refunded_minor", "refunded_own_minor").fill_null(0),
        pl.col(_REPORT_COLUMNS).fill_null(value=False),
        key="order_key",
        minor="value_minor",
    )
    for row in rows.iter_rows(named=True):
        yield StoredOrder(**row)


def _events(warehouse: Warehouse, site: SiteSettings) -> pl.DataFrame:
    """Return the events of orders and refunds; the default currency is the site's."""
    view = warehouse.view(EVENTS)
    events = view.collect(
        view.scan(columns=_COLUMNS).filter(
            pl.col("site") == site.id,
            pl.col("name").is_in([ORDER_PLACED, ORDER_REFUNDED]),
        )
    )
    return events.with_columns(
        pl.col("currency").fill_null(site.currency),
        # Lines are not compared, and reading the lines of all days takes long.
        items=pl.lit(None, polars_schema(EVENTS)["items"]),
    )


def _with_session(warehouse: Warehouse, placed: pl.DataFrame) -> pl.DataFrame:
    """Add ``session``: 0 if the visitor had a session before the order, else null."""
    visitor_key = ["site", "day", "visitor"]
    view = warehouse.view(SESSIONS)
    first_sessions = (
        view.scan(placed["day"].unique().to_list(), [*visitor_key, "started_at"])
        .group_by(visitor_key)
        .agg(pl.col("started_at").min())
    )
    joined = placed.lazy().join(
        first_sessions, on=visitor_key, how="left", maintain_order="left"
    )
    has_session = pl.col("started_at") <= pl.col("at")
    session = pl.when(has_session).then(pl.lit(0, pl.UInt32))
    return view.collect(joined.with_columns(session=session).drop("started_at"))


def _reports(placed: pl.DataFrame) -> pl.DataFrame:
    """Return facts about the reports of each order key."""
    return placed.group_by(_BY_KEY).agg(
        has_browser_report=(~pl.col("server")).any(),
        has_visitor=pl.col("visitor").is_not_null().any(),
        has_session=pl.col("session").is_not_null().any(),
    )


def _counted_refunds(
    refunded: pl.DataFrame, orders: pl.DataFrame, rests: pl.DataFrame
) -> pl.DataFrame:
    """Return *refunded* with the amounts that the figures count.

    The build limits the refunds of an order's own day. For other days, the load
    stored what was left, or a refund takes one of the *rests*.
    """
    days = orders.select(*_BY_KEY, order_day="day")
    dated = refunded.join(days, on=_BY_KEY, how="left", maintain_order="left")
    is_own_day = (pl.col("day") == pl.col("order_day")).fill_null(value=False)
    others = dated.filter(~is_own_day).drop("order_day")
    others = with_rests(others[by_content(others, _BY_TIME)], rests)
    return pl.concat(
        [
            resolved_refunds(dated.filter(is_own_day).drop("order_day"), orders),
            others.with_columns(pl.col("refund_minor").fill_null(0)),
        ]
    )


def _refunds(
    refunded: pl.DataFrame, orders: pl.DataFrame, site: SiteSettings
) -> pl.DataFrame:
    """Return the number and the sums of refunds for each order."""
    amount, currency = pl.col("refund_minor"), pl.col("currency")
    known = orders.select(*_BY_KEY, order_currency="currency")
    return (
        refunded.join(known, on=_BY_KEY)
        .group_by(_BY_KEY)
        .agg(
            refunds=pl.len(),
            refunded_minor=amount.filter(currency == pl.col("order_currency")).sum(),
            refunded_own_minor=amount.filter(currency == site.currency).sum(),
        )
    )
