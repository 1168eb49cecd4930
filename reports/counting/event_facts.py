"""One day of one site as facts to count: its events, sessions and orders.

Suspect sessions, their events and their orders are left out. The attribution is that
of ``daily_stats``, for several dimensions at once. Under a session dimension, all
events of a session have the value of the session. Under an event dimension, an event
has its own value, and a session counts under every value of its events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from config.settings import SiteSettings
from reports.dimensions import Dimension, DimensionScope
from warehouse.figures.breakdown import NONE
from warehouse.figures.day_facts import order_measures
from warehouse.figures.order_rule import line_worth
from warehouse.figures.props import prop_value
from warehouse.figures.sessionize import (
    CART_ACTION,
    CART_UPDATED,
    PAGEVIEW,
    SessionizedDay,
    is_counted,
    sessionize,
)
from warehouse.figures.sessions import is_own_currency
from warehouse.figures.sessions import sessions as sessions_of
from warehouse.schema import Event

# The row number of the event or order, and the row number of its session.
ROW: Final = "row"
SESSION: Final = "session"
# Whether the order is in the currency of the site.
OWN: Final = "own"

_HOUR: Final = "hour"
_EVENT: Final = "event"
_PAGE: Final = "page"
_PRODUCT: Final = "product"
_HOSTNAME: Final = "hostname"

Dimensions = Sequence[Dimension]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The sessions, events, orders and refunds of a day; one row for each.

    The ``session`` of an event is the row number of its session in ``sessions``. The
    ``lead_path`` and ``lead_hostname`` of a session are those of its first interactive
    event.
    """

    site: SiteSettings
    sessions: pl.DataFrame
    events: pl.LazyFrame
    orders: pl.LazyFrame


def day_facts(
    events: pl.DataFrame, rests: pl.DataFrame, site: SiteSettings
) -> EventFacts:
    """Return the facts of *events*, which are all of one day of *site*.

    *rests* are what is left of orders of other days for open refunds.
    """
    day: SessionizedDay = sessionize(events, rests=rests)
    sessions = sessions_of(day, {site.id: site.currency}, {site.id: site.timezone})
    suspect = pl.lit(sessions["suspect"]).gather(pl.col(SESSION))
    usable = ~suspect.fill_null(value=False)
    return EventFacts(
        site,
        sessions.drop(SESSION).with_columns(
            lead_path=day.leads["path"], lead_hostname=day.leads["hostname"]
        ),
        day.events.lazy().with_row_index(ROW).filter(usable),
        pl.concat([day.orders, day.refunds]).lazy().with_row_index(ROW).filter(usable),
    )


def event_facts(facts: EventFacts, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row for each event and value of *dimensions*, with its measures."""
    events = facts.events
    if _excludes_pings(dimensions):
        events = events.filter(is_counted())
    return _exploded(events, dimensions).select(
        ROW,
        *_event_values(facts, dimensions),
        pageviews=(pl.col("name") == PAGEVIEW).cast(pl.Int64),
        events=is_counted().cast(pl.Int64),
        engaged_ms=pl.col("engaged_ms").fill_null(0),
    )


def order_facts(facts: EventFacts, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row for each order or refund and value of *dimensions*.

    Under a product, the amounts are those of the lines with that product.
    """
    orders = _exploded(facts.orders, dimensions)
    if _has(dimensions, _PRODUCT):
        orders = orders.with_columns(
            value_minor=line_worth(), refund_minor=line_worth()
        )
    own = is_own_currency({facts.site.id: facts.site.currency})
    return orders.select(
        ROW,
        "currency",
        *_event_values(facts, dimensions),
        own.alias(OWN),
        **order_measures(),
    )


def session_facts(facts: EventFacts, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row for each session and value of *dimensions*, with its measures.

    The hour of a session is the hour in which it started. By page, a bounce counts
    only on the page of the session's one interactive pageview, by hostname on its host.
    """
    event_dimensions = [part for part in dimensions if _has_many_values(part)]
    if event_dimensions:
        events = facts.events.filter(pl.col(SESSION).is_not_null())
        is_relevant = (
            is_counted() if _excludes_pings(dimensions) else pl.col("name") == PAGEVIEW
        )
        rows = _exploded(events.filter(is_relevant), dimensions).select(
            SESSION, *_event_values(facts, event_dimensions)
        )
    else:
        rows = (
            facts.sessions.lazy()
            .with_row_index(SESSION)
            .filter(~pl.col("suspect"))
            .select(SESSION)
        )
    single = [part for part in dimensions if not _has_many_values(part)]
    return rows.with_columns(
        *(_session_value(facts, dimension) for dimension in single),
        _of_session(facts, "visitor"),
        _of_session(facts, "duration_s"),
        _bounced(facts, dimensions).cast(pl.Int64).alias("bounces"),
        (_of_session(facts, "orders") > 0).cast(pl.Int64).alias("conversions"),
    )


def _bounced(facts: EventFacts, dimensions: Dimensions) -> pl.Expr:
    bounced = _of_session(facts, "bounce")
    for name, lead in ((_PAGE, "lead_path"), (_HOSTNAME, "lead_hostname")):
        if _has(dimensions, name):
            of_lead = _of_session(facts, lead).fill_null(NONE)
            bounced &= pl.col(name) == of_lead
    return bounced


def _has(dimensions: Dimensions, name: str) -> bool:
    return any(dimension.name == name for dimension in dimensions)


def _excludes_pings(dimensions: Dimensions) -> bool:
    """Return whether *dimensions* have no value for an engagement ping."""
    is_prop = any(dimension.is_prop for dimension in dimensions)
    named = (_EVENT, _PRODUCT, CART_ACTION)
    return is_prop or any(_has(dimensions, name) for name in named)


def _has_many_values(dimension: Dimension) -> bool:
    """Return whether one session can count under several values of *dimension*."""
    return dimension.scope is DimensionScope.EVENT and dimension.name != _HOUR


def _exploded(events: pl.LazyFrame, dimensions: Dimensions) -> pl.LazyFrame:
    """Return the events that have a value of every one of *dimensions*.

    With the product as one of them, each item is a row.
    """
    for name in [part.name for part in dimensions if part.is_prop]:
        events = events.with_columns(prop_value(name).alias(name))
        events = events.filter(pl.col(name).is_not_null())
    if _has(dimensions, CART_ACTION):
        is_cart = pl.col("name") == CART_UPDATED
        events = events.filter(is_cart, pl.col(CART_ACTION).is_not_null())
    if not _has(dimensions, _PRODUCT):
        return events
    return events.filter(pl.col("items").list.len() > 0).explode("items")


def _event_values(facts: EventFacts, dimensions: Dimensions) -> list[pl.Expr]:
    return [
        _event_value(facts, dimension).alias(dimension.name) for dimension in dimensions
    ]


def _event_value(facts: EventFacts, dimension: Dimension) -> pl.Expr:
    """Return the value of an event: that of its session if it has one, else its own."""
    if dimension.scope is DimensionScope.EVENT:
        return _own_value(facts, dimension).fill_null(NONE)
    in_session = pl.col(SESSION).is_not_null()
    is_own = dimension.column in Event.__struct_fields__
    own = pl.col(dimension.column) if is_own else pl.lit(None, pl.String)
    values = _of_session(facts, dimension.column)
    return pl.when(in_session).then(values).otherwise(own).fill_null(NONE)


def _own_value(facts: EventFacts, dimension: Dimension) -> pl.Expr:
    if dimension.name == _HOUR:
        return _hour(pl.col(dimension.column), facts.site)
    if dimension.name == _PRODUCT:
        return pl.col(dimension.column).struct.field(_PRODUCT)
    if dimension.is_prop:
        return pl.col(dimension.name)
    return pl.col(dimension.column)


def _session_value(facts: EventFacts, dimension: Dimension) -> pl.Expr:
    if dimension.name == _HOUR:
        value = _hour(_of_session(facts, "started_at"), facts.site)
    else:
        value = _of_session(facts, dimension.column)
    return value.fill_null(NONE).alias(dimension.name)


def _of_session(facts: EventFacts, column: str) -> pl.Expr:
    return pl.lit(facts.sessions[column]).gather(pl.col(SESSION)).alias(column)


def _hour(at: pl.Expr, site: SiteSettings) -> pl.Expr:
    hour = at.dt.convert_time_zone(site.timezone).dt.hour()
    return hour.cast(pl.String).str.zfill(2)
