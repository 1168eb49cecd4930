"""One day of one site as facts to count: its events, sessions and orders.

Suspect sessions and what belongs to them are left out. Under a session's dimension
all of a session goes to the session's value; under an event's dimension an event
goes by what it is itself and a session by what it touched: the attribution of
``daily_stats``, for several dimensions at once.
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
from warehouse.figures.sessionize import (
    PAGEVIEW,
    SessionizedDay,
    is_counted,
    sessionize,
)
from warehouse.figures.sessions import is_own_currency
from warehouse.figures.sessions import sessions as sessions_of
from warehouse.schema import Event

# The event or order a fact is about, and the session it belongs to.
ROW: Final = "row"
SESSION: Final = "session"
OWN: Final = "own"

_HOUR: Final = "hour"
_EVENT: Final = "event"
_PAGE: Final = "page"
_PRODUCT: Final = "product"

Dimensions = Sequence[Dimension]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """A day's sessions, its events, and its orders and refunds, a row each.

    ``session`` of an event is the row of its session in ``sessions``; ``lead_path``
    there is the path of the session's first interactive event.
    """

    site: SiteSettings
    sessions: pl.DataFrame
    events: pl.LazyFrame
    orders: pl.LazyFrame


def day_facts(events: pl.DataFrame, site: SiteSettings) -> EventFacts:
    """Return the facts of *events*, all of one day of *site*."""
    day: SessionizedDay = sessionize(events)
    sessions = sessions_of(day, {site.id: site.currency}, {site.id: site.timezone})
    suspect = pl.lit(sessions["suspect"]).gather(pl.col(SESSION))
    usable = ~suspect.fill_null(value=False)
    return EventFacts(
        site,
        sessions.drop(SESSION).with_columns(lead_path=day.leads["path"]),
        day.events.lazy().with_row_index(ROW).filter(usable),
        pl.concat([day.orders, day.refunds]).lazy().with_row_index(ROW).filter(usable),
    )


def event_facts(facts: EventFacts, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row per event and value of *dimensions*, with what it adds."""
    events = facts.events
    if _names_events(dimensions):
        events = events.filter(is_counted())
    return _exploded(events, dimensions).select(
        ROW,
        *_event_values(facts, dimensions),
        pageviews=(pl.col("name") == PAGEVIEW).cast(pl.Int64),
        events=is_counted().cast(pl.Int64),
        engaged_ms=pl.col("engaged_ms").fill_null(0),
    )


def order_facts(facts: EventFacts, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row per order or refund and value of *dimensions*, with what it adds.

    Under a product that is what the product's own lines are worth.
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
    """Return a row per session and value of *dimensions*, with what it adds.

    Its hour is the one it started in, whatever it touched later. Under a page it
    bounced only where that is the page its visitor viewed.
    """
    touched = [each for each in dimensions if _is_touched(each)]
    if touched:
        events = facts.events.filter(pl.col(SESSION).is_not_null())
        named = _names_events(dimensions)
        events = events.filter(is_counted() if named else pl.col("name") == PAGEVIEW)
        rows = _exploded(events, dimensions).select(
            SESSION, *_event_values(facts, touched)
        )
    else:
        rows = (
            facts.sessions.lazy()
            .with_row_index(SESSION)
            .filter(~pl.col("suspect"))
            .select(SESSION)
        )
    own = [each for each in dimensions if not _is_touched(each)]
    return rows.with_columns(
        *(_session_value(facts, each) for each in own),
        _of_session(facts, "visitor"),
        _of_session(facts, "duration_s"),
        _bounced(facts, dimensions).cast(pl.Int64).alias("bounces"),
        (_of_session(facts, "orders") > 0).cast(pl.Int64).alias("conversions"),
    )


def _bounced(facts: EventFacts, dimensions: Dimensions) -> pl.Expr:
    bounced = _of_session(facts, "bounce")
    if not _has(dimensions, _PAGE):
        return bounced
    return bounced & (pl.col(_PAGE) == _of_session(facts, "lead_path").fill_null(NONE))


def _has(dimensions: Dimensions, name: str) -> bool:
    return any(each.name == name for each in dimensions)


def _names_events(dimensions: Dimensions) -> bool:
    """Return whether engagement pings have no place under *dimensions*."""
    return _has(dimensions, _EVENT) or _has(dimensions, _PRODUCT)


def _is_touched(dimension: Dimension) -> bool:
    return dimension.span is DimensionScope.EVENT and dimension.name != _HOUR


def _exploded(events: pl.LazyFrame, dimensions: Dimensions) -> pl.LazyFrame:
    """Return a row per item, where a product is asked for."""
    if not _has(dimensions, _PRODUCT):
        return events
    return events.filter(pl.col("items").list.len() > 0).explode("items")


def _event_values(facts: EventFacts, dimensions: Dimensions) -> list[pl.Expr]:
    return [_event_value(facts, each).alias(each.name) for each in dimensions]


def _event_value(facts: EventFacts, dimension: Dimension) -> pl.Expr:
    """Return an event's value: its session's where it has one, else its own."""
    if dimension.span is DimensionScope.EVENT:
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
