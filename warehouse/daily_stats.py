"""Sessionized events and their sessions to daily statistics: pure, frame in, frame out.

Which measure of what counts under which value is written down in
docs/decisions/daily-stats-attribution.md.
"""

from collections.abc import Mapping

import polars as pl

from warehouse.breakdown import (
    ALL,
    EVENT_MEASURES,
    ORDER_MEASURES,
    SESSION_MEASURES,
    Breakdown,
    figures,
    labelled,
)
from warehouse.day_facts import BY_SESSION, DayFacts, day_facts, event_measures
from warehouse.dtypes import UTC_MICROSECONDS, polars_schema
from warehouse.schema import DAILY_STATS
from warehouse.sessionize import PAGEVIEW, SessionizedDay, is_counted

# No zone has moved its clock by less since 1972.
_QUARTER_US = 900 * 1_000_000


def daily_stats(
    day: SessionizedDay,
    sessions: pl.DataFrame,
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    value_limit: int,
) -> pl.DataFrame:
    """Return the figures of *day* by every dimension; *sessions* as it gave them."""
    schema = polars_schema(DAILY_STATS)
    if day.events.is_empty():
        return schema.to_frame()
    facts = day_facts(day, sessions, currencies)
    breakdowns = [
        *_by_session(facts),
        _by_hour(facts, zones),
        _by_page(facts),
        _by_name(facts),
        _by_product(facts),
    ]
    own = pl.col("site").replace_strict(dict(currencies), return_dtype=pl.String)
    return (
        figures(breakdowns, value_limit)
        .with_columns(
            day=pl.lit(day.events["day"][0]),
            currency=pl.coalesce("currency", own),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    )


def _by_session(facts: DayFacts) -> list[Breakdown]:
    """Return the total, and what the session's own value decides."""
    values = {"total": pl.lit(ALL).alias("value")} | {
        dimension: labelled(pl.col(column)) for dimension, column in BY_SESSION.items()
    }
    whole = pl.concat([facts.sessions, facts.loose], how="diagonal").lazy()
    several = facts.sessions.lazy().filter("several")
    orders = facts.orders.lazy()
    return [
        Breakdown(
            dimension,
            [
                whole.select("site", value, *SESSION_MEASURES, *EVENT_MEASURES),
                orders.select("site", "currency", value, *ORDER_MEASURES),
            ],
            several.select("session", "site", "visitor", value),
        )
        for dimension, value in values.items()
    ]


def _by_hour(facts: DayFacts, zones: Mapping[str, str]) -> Breakdown:
    """Return events by their own hour, sessions by the hour they started in."""
    sessions = facts.sessions.rename({"started_at": "at"})
    events = facts.events.select("site", "at", *event_measures())
    parts = [
        _by_quarter(events),
        _by_quarter(sessions.select("site", "at", *SESSION_MEASURES)),
        facts.orders.select("site", "at", "currency", *ORDER_MEASURES),
    ]
    several = sessions.filter("several").select("session", "site", "at", "visitor")
    hour = _hour(zones)
    return Breakdown(
        "hour",
        [part.with_columns(hour).lazy() for part in parts],
        several.with_columns(hour).lazy(),
    )


def _by_quarter(rows: pl.DataFrame) -> pl.DataFrame:
    """Return sums by site and quarter of an hour: few rows to find the hour of."""
    quarter = pl.col("at").to_physical() // _QUARTER_US
    return (
        rows.group_by("site", quarter.alias("quarter"))
        .agg(pl.exclude("at").sum())
        .with_columns(at=(pl.col("quarter") * _QUARTER_US).cast(UTC_MICROSECONDS))
    )


def _hour(zones: Mapping[str, str]) -> pl.Expr:
    """Return the hour of ``at`` on the site's own clock, two digits, as a value."""
    hour = pl.lit(None, pl.Int8)
    for zone in sorted(set(zones.values())):
        there = [site for site, its in zones.items() if its == zone]
        local = pl.col("at").dt.convert_time_zone(zone).dt.hour()
        hour = pl.when(pl.col("site").is_in(there)).then(local).otherwise(hour)
    return hour.cast(pl.String).str.zfill(2).alias("value")


def _by_page(facts: DayFacts) -> Breakdown:
    """Return events by their own path, sessions by the paths they viewed."""
    page = labelled(pl.col("path"))
    return _by_event(
        "page",
        facts.events.lazy().select("site", page, *event_measures()),
        _in_session(facts).filter(pl.col("name") == PAGEVIEW).select("session", page),
        facts.orders.lazy().with_columns(page),
        facts,
    )


def _by_name(facts: DayFacts) -> Breakdown:
    """Return counted events by their name, sessions by the names they hold."""
    name = pl.col("name").alias("value")
    counted = facts.events.lazy().filter(is_counted())
    return _by_event(
        "event",
        counted.select("site", name, *event_measures()),
        _in_session(facts).filter(is_counted()).select("session", name),
        facts.orders.lazy().with_columns(name),
        facts,
    )


def _by_product(facts: DayFacts) -> Breakdown:
    """Return counted events by the products they name, each once however often."""
    naming = _items(facts.events.lazy().filter(is_counted())).unique(["row", "value"])
    worth = pl.col("quantity").fill_null(1) * pl.col("price_minor").fill_null(0)
    orders = (
        _items(facts.orders.lazy())
        .group_by("row", "site", "currency", "value")
        .agg(orders=pl.lit(1, pl.Int64), value_minor=worth.sum())
    )
    return _by_event(
        "product",
        naming.select("site", "value", *event_measures()),
        naming.filter(pl.col("session").is_not_null()).select("session", "value"),
        orders,
        facts,
    )


def _items(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each item of each event, with its product as the value."""
    item = pl.col("items").struct
    return (
        events.select("site", "session", "name", "engaged_ms", "currency", "items")
        .with_row_index("row")
        .filter(pl.col("items").list.len() > 0)
        .explode("items")
        .with_columns(
            labelled(item.field("product")),
            item.field("quantity"),
            item.field("price_minor"),
        )
    )


def _in_session(facts: DayFacts) -> pl.LazyFrame:
    return facts.events.lazy().filter(pl.col("session").is_not_null())


def _by_event(
    dimension: str,
    events: pl.LazyFrame,
    touched: pl.LazyFrame,
    orders: pl.LazyFrame,
    facts: DayFacts,
) -> Breakdown:
    """Return what *events* and *orders* add, and the sessions that *touched* values."""
    pairs = touched.unique().with_columns(
        *(
            pl.lit(facts.by_number[name]).gather("session").alias(name)
            for name in facts.by_number.columns
        ),
        sessions=pl.lit(1, pl.Int64),
        visitors=pl.lit(1, pl.Int64),
    )
    return Breakdown(
        dimension,
        [
            events,
            pairs.select("session", "site", "value", *SESSION_MEASURES),
            orders.select("site", "currency", "value", *ORDER_MEASURES),
        ],
        pairs.filter("several").select("session", "site", "visitor", "value"),
    )
