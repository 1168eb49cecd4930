"""The sessions, events and orders of a day that figures count, without suspect ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from warehouse.figures.order_rule import ORDER_REFUNDED
from warehouse.figures.sessionize import (
    CART_ACTION,
    PAGEVIEW,
    SessionizedDay,
    is_counted,
)
from warehouse.figures.sessions import is_own_currency

# In these dimensions, all measures of a session count for its value in the column.
BY_SESSION: Mapping[str, str] = {
    "entry_page": "entry_path",
    "exit_page": "exit_path",
    **{
        name: name
        for name in (
            *("referrer", "source", "channel"),
            *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
            *("country", "region", "browser", "os", "device", "screen", "language"),
        )
    },
}
_OF_EVENTS = (
    *("site_no", "session", "at", "name"),
    *("hostname", "path", "items", "props"),
)


@dataclass(frozen=True, slots=True)
class DayFacts:
    """The sessions, events and orders that count.

    ``sessions``: a row for each session: its number in ``events``, its measures, and
    ``lead_path`` and ``lead_hostname``, of its first interactive event.
    ``by_number``: the values of session n that its events need, in row n.
    ``loose``: a row for each event without a session, with the columns of ``sessions``.
    ``events``: site_no, session, the values of an event, and its measures.
    ``orders``: orders and refunds, with the values of their session, or with their own
    values if they have no session.
    ``carts``: the rows of ``events`` that say their ``cart_action``.
    """

    sites: pl.Series
    sessions: pl.DataFrame
    by_number: pl.DataFrame
    loose: pl.DataFrame
    events: pl.DataFrame
    orders: pl.DataFrame
    carts: pl.DataFrame


def day_facts(
    day: SessionizedDay, sessions: pl.DataFrame, currencies: Mapping[str, str]
) -> DayFacts:
    """Return the facts of *day*; *sessions* is the frame from ``sessions(day, …)``."""
    suspect = sessions["suspect"]
    numbered = _with_measures(sessions, day.leads)
    by_number = numbered.select(
        *("visitor_no", "several", "bounces", "duration_s", "conversions"),
        site_no=day.leads["site_no"],
    )
    events, orders = day.events, pl.concat([day.orders, day.refunds])
    carts = events[day.carts["row"]].with_columns(day.carts[CART_ACTION])
    if suspect.any():
        usable = ~pl.lit(suspect).gather("session").fill_null(value=False)
        numbered = numbered.filter(~suspect)
        events, orders = events.filter(usable), orders.filter(usable)
        carts = carts.filter(usable)
    loose = day.loose
    return DayFacts(
        sites=day.sites,
        sessions=numbered,
        by_number=by_number,
        loose=loose.select(
            "site",
            *_own_values(loose),
            *(measure.cast(pl.Int64) for measure in event_measures()),
        ),
        events=events.select(*_OF_EVENTS, *event_measures()),
        orders=_order_facts(orders, sessions, currencies),
        carts=carts.select("site_no", "session", CART_ACTION, *event_measures()),
    )


def event_measures() -> list[pl.Expr]:
    """Return the measures of an event."""
    return [
        (pl.col("name") == PAGEVIEW).alias("pageviews"),
        is_counted().alias("events"),
        pl.col("engaged_ms").fill_null(0),
    ]


def _with_measures(sessions: pl.DataFrame, leads: pl.DataFrame) -> pl.DataFrame:
    # Sessions are sorted by visitor, so sessions of one visitor are neighbours. The
    # same hash at another site also matches here, but visitors are counted by site.
    again = pl.col("visitor") == pl.col("visitor").shift(1)
    again = again.fill_null(value=False)
    return sessions.select(
        *("site", "started_at", *BY_SESSION.values()),
        *("pageviews", "events", "engaged_ms", "duration_s"),
        session=pl.int_range(pl.len(), dtype=pl.UInt32),
        lead_path=leads["path"],
        lead_hostname=leads["hostname"],
        visitor_no=(~again).cum_sum(),
        several=again | again.shift(-1, fill_value=False),
        bounces=pl.col("bounce").cast(pl.Int64),
        conversions=(pl.col("orders") > 0).cast(pl.Int64),
        sessions=pl.lit(1, pl.Int64),
        visitors=pl.lit(1, pl.Int64),
    )


def _own_values(events: pl.DataFrame) -> list[pl.Expr]:
    """Return the values of an event without a session: no entry and no exit page."""
    return [
        pl.col(name) if name in events.columns else pl.lit(None, pl.String).alias(name)
        for name in BY_SESSION.values()
    ]


def _order_facts(
    orders: pl.DataFrame, sessions: pl.DataFrame, currencies: Mapping[str, str]
) -> pl.DataFrame:
    own_values = orders.select(_own_values(orders))
    number = orders["session"]
    of_session = sessions.select(pl.col(own_values.columns).gather(number))
    values = pl.when(number.is_not_null())
    return orders.with_columns(
        *(
            values.then(of_session[name]).otherwise(own_values[name]).alias(name)
            for name in own_values.columns
        ),
        currency=pl.when(~is_own_currency(currencies)).then("currency"),
        **order_measures(),
    )


def order_measures() -> dict[str, pl.Expr]:
    """Return the measures of an order or refund, independent of its other columns."""
    is_refund = pl.col("name") == ORDER_REFUNDED
    value, back = pl.col("value_minor"), pl.col("refund_minor")
    return {
        "orders": (~is_refund).cast(pl.Int64),
        "value_minor": pl.when(~is_refund).then(value).fill_null(0),
        "refunds": is_refund.cast(pl.Int64),
        "refund_minor": pl.when(is_refund).then(back).fill_null(0),
    }
