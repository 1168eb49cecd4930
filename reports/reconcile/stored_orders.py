"""The orders a site's tables hold, each once, with what is known of who reported it.

All days are read: an order that was counted on another day than the shop's is not
missing. Sessions come from their table, so the figures are those of the last build.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl

from config.settings import SiteSettings
from warehouse.dtypes import polars_schema
from warehouse.figures.order_rule import ORDER_PLACED, ORDER_REFUNDED
from warehouse.figures.orders import merged_orders, resolved_refunds
from warehouse.schema import EVENTS, SESSIONS
from warehouse.tables import Warehouse

_COLUMNS: Final = (
    *("site", "day", "at", "seq", "event_id", "visitor", "name", "server"),
    *("order_key", "currency", "value_minor", "refund_minor"),
)
_BY_KEY: Final = ["site", "order_key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """An order as stored, *browser*: by a browser, *seen*: in a session.

    *named*: a report named the visitor, so that a session could be looked up.
    """

    key: int | None
    day: date
    at: datetime
    minor: int | None
    currency: str
    refunds: int
    refunded_minor: int
    browser: bool
    named: bool
    seen: bool


def stored_orders(warehouse: Warehouse, site: SiteSettings) -> Iterator[StoredOrder]:
    """Yield the orders of *site*, of all days, oldest first."""
    events = _events(warehouse, site)
    placed = _with_session(warehouse, events.filter(name=ORDER_PLACED))
    refunded = events.filter(name=ORDER_REFUNDED).with_columns(
        session=pl.lit(None, pl.UInt32)
    )
    orders = merged_orders(placed).sort("at", "order_key")
    whole = orders.join(_reports(placed), on=_BY_KEY, how="left").join(
        _refunds(resolved_refunds(refunded, orders)),
        on=[*_BY_KEY, "currency"],
        how="left",
    )
    rows = whole.select(
        "day",
        "at",
        "currency",
        pl.col("refunds", "refunded_minor").fill_null(0),
        pl.col("browser", "named", "seen").fill_null(value=False),
        key="order_key",
        minor="value_minor",
    )
    for row in rows.iter_rows(named=True):
        yield StoredOrder(**row)


def _events(warehouse: Warehouse, site: SiteSettings) -> pl.DataFrame:
    """Return what orders and refunds say, in the site's currency where they do not."""
    view = warehouse.view(EVENTS)
    found = view.collect(
        view.scan(columns=_COLUMNS).filter(
            pl.col("site") == site.id,
            pl.col("name").is_in([ORDER_PLACED, ORDER_REFUNDED]),
        )
    )
    return found.with_columns(
        pl.col("currency").fill_null(site.currency),
        # Lines are not compared, and reading them of all days takes long.
        items=pl.lit(None, polars_schema(EVENTS)["items"]),
    )


def _with_session(warehouse: Warehouse, placed: pl.DataFrame) -> pl.DataFrame:
    """Return *placed* with ``session``: 0 where the visitor's had begun, else null."""
    who = ["site", "day", "visitor"]
    view = warehouse.view(SESSIONS)
    begun = (
        view.scan(placed["day"].unique().to_list(), [*who, "started_at"])
        .group_by(who)
        .agg(pl.col("started_at").min())
    )
    known = placed.lazy().join(begun, on=who, how="left", maintain_order="left")
    in_one = pl.col("started_at") <= pl.col("at")
    session = pl.when(in_one).then(pl.lit(0, pl.UInt32))
    return view.collect(known.with_columns(session=session).drop("started_at"))


def _reports(placed: pl.DataFrame) -> pl.DataFrame:
    """Return by order key who reported; an order without a key has one report."""
    return placed.group_by(_BY_KEY).agg(
        browser=(~pl.col("server")).any(),
        named=pl.col("visitor").is_not_null().any(),
        seen=pl.col("session").is_not_null().any(),
    )


def _refunds(settled: pl.DataFrame) -> pl.DataFrame:
    """Return by order key and currency how many refunds there were, and of how much."""
    return settled.group_by([*_BY_KEY, "currency"]).agg(
        refunds=pl.len(), refunded_minor=pl.col("refund_minor").sum()
    )
