"""Answers counted from the events, for queries that ``daily_stats`` cannot answer.

Several dimensions at once, and most filters, need the events. Counting one day at a
time limits the memory; checking the deadline between days limits the time.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

import polars as pl

from reports.counting import event_facts
from reports.counting.counted import CountedColumns
from reports.counting.event_facts import OWN, ROW, SESSION, EventFacts
from reports.counting.predicates import build_predicate, day_value
from reports.deadline import Tick
from reports.dimensions import Dimension, DimensionScope
from reports.filters import Filter, list_conditions
from reports.metrics import OWN_ORDERS
from reports.query import Query
from warehouse.figures.order_rule import refunded_worth
from warehouse.frames import collect_all


class DayEvents(NamedTuple):
    """The events of a day, and what is left of orders for its open refunds."""

    events: pl.DataFrame
    rests: pl.DataFrame


Events = Callable[[date], DayEvents]


def count_events(
    query: Query, days: Iterable[date], events_of: Events, tick: Tick
) -> CountedColumns:
    """Return the figures of *query*; *tick* is called before each day."""
    parts: list[pl.DataFrame] = []
    currencies: set[str] = set()
    for day in days:
        tick()
        events, rests = events_of(day)
        if events.is_empty():
            continue
        facts = event_facts.day_facts(events, rests, query.site)
        counted = _count_day(query, day, facts)
        parts.append(counted.figures)
        currencies |= counted.other_currencies
    figures = pl.concat(parts, how="diagonal") if parts else pl.DataFrame()
    return CountedColumns(figures, frozenset(currencies))


def _count_day(query: Query, day: date, facts: EventFacts) -> CountedColumns:
    """Return the figures of one day by the dimensions of *query*."""
    grouping = _without_days(query.dimensions)
    needed = _needed(grouping, query.filters)
    names = [dimension.name for dimension in grouping]
    condition = build_predicate(
        query.filters, lambda dimension: _column(dimension, day)
    )

    def apply_filters(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows if condition is None else rows.filter(condition)

    events = apply_filters(event_facts.event_facts(facts, needed)).unique([ROW, *names])
    sessions = apply_filters(event_facts.session_facts(facts, needed))
    orders = apply_filters(event_facts.order_facts(facts, needed))
    parts = collect_all(
        [
            _grouped(events, names, _EVENT_SUMS),
            _grouped(_whole_sessions(sessions, names), names, _SESSION_SUMS),
            _grouped(_whole_orders(orders, names), names, _ORDER_SUMS),
            orders.filter(~pl.col(OWN)).select(pl.col("currency").unique()),
        ]
    )
    figures = pl.concat(parts[:3], how="diagonal")
    days = [
        pl.lit(day_value(dimension, day)).alias(dimension.name)
        for dimension in query.dimensions
        if dimension.scope is DimensionScope.DAY
    ]
    return CountedColumns(figures.with_columns(days), frozenset(parts[3]["currency"]))


_EVENT_SUMS = [pl.col(name).sum() for name in ("pageviews", "events", "engaged_ms")]
_SESSION_SUMS = [
    pl.col("visitor").n_unique().cast(pl.Int64).alias("visitors"),
    pl.len().cast(pl.Int64).alias("sessions"),
    pl.col("bounces").sum(),
    pl.col("duration_s").sum(),
    pl.col("conversions").sum(),
]
_ORDER_SUMS = [
    pl.col("orders", "refunds").sum(),
    pl.col("orders").filter(pl.col(OWN)).sum().alias(OWN_ORDERS),
    pl.col("value_minor", "refund_minor").filter(pl.col(OWN)).sum(),
]


def _without_days(dimensions: Iterable[Dimension]) -> list[Dimension]:
    return [part for part in dimensions if part.scope is not DimensionScope.DAY]


def _needed(grouping: list[Dimension], filters: tuple[Filter, ...]) -> list[Dimension]:
    """Return the dimensions of grouping and filters, without duplicates."""
    filtered = [condition.dimension for condition in list_conditions(filters)]
    return list(dict.fromkeys([*grouping, *_without_days(filtered)]))


def _column(dimension: Dimension, day: date) -> pl.Expr:
    if dimension.scope is DimensionScope.DAY:
        return pl.lit(day_value(dimension, day))
    return pl.col(dimension.name)


def _whole_sessions(sessions: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return one row per session and value; a bounce in any row is a bounce."""
    return sessions.group_by(SESSION, *names).agg(
        pl.col("bounces").max(),
        pl.col("visitor", "duration_s", "conversions").first(),
    )


def _whole_orders(orders: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    """Return one row per order or refund and value, with the sum of its lines."""
    return orders.group_by(ROW, *names).agg(
        pl.col(OWN, "orders", "refunds").first(),
        pl.col("value_minor").sum(),
        refunded_worth(pl.col("refund_minor").sum()),
    )


def _grouped(rows: pl.LazyFrame, names: list[str], sums: list[pl.Expr]) -> pl.LazyFrame:
    return rows.group_by(names).agg(sums) if names else rows.select(sums)
