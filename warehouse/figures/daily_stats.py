"""Derive daily statistics from sessionized events and their sessions; pure functions.

docs/decisions/0051-daily-stats-attribution.md says which measures of sessions, events
and orders count for which value of a dimension.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from warehouse.dtypes import UTC_MICROSECONDS, polars_schema
from warehouse.figures.breakdown import (
    ALL,
    EVENT_MEASURES,
    ORDER_MEASURES,
    SESSION_MEASURES,
    Breakdown,
    ValueCodes,
    distinct_pairs,
    figures,
    labelled,
    numbered,
)
from warehouse.figures.day_facts import BY_SESSION, DayFacts, day_facts
from warehouse.figures.order_rule import line_worth, refunded_worth
from warehouse.figures.props import prop_rows
from warehouse.figures.sessionize import CART_ACTION, SessionizedDay
from warehouse.schema import DAILY_STATS

# Since 1972 no zone has moved its clock by less than a quarter of an hour.
_QUARTER_US = 900 * 1_000_000
_OF_EVENT = ["site_no", "session", *EVENT_MEASURES]
_IN_SESSION = pl.col("session").is_not_null()


def daily_stats(
    day: SessionizedDay,
    sessions: pl.DataFrame,
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    value_limit: int,
) -> pl.DataFrame:
    """Return the figures of *day* by every dimension; *sessions* are those of *day*."""
    schema = polars_schema(DAILY_STATS)
    if day.events.is_empty():
        return schema.to_frame()
    facts = day_facts(day, sessions, currencies)
    breakdowns = [
        *_by_session(facts),
        _by_hour(facts, zones),
        _by_viewed("page", "path", facts),
        _by_viewed("hostname", "hostname", facts),
        _by_name(facts),
        _by_product(facts),
        _by_cart_action(facts),
        *_by_prop(facts),
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
    """Return the total, and the dimensions for which the session has the value."""
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
            several.select("session", "site", "visitor_no", value),
        )
        for dimension, value in values.items()
    ]


def _by_hour(facts: DayFacts, zones: Mapping[str, str]) -> Breakdown:
    """Return events by their own hour, sessions by the hour of their start."""
    sessions = facts.sessions.with_columns(at=pl.col("started_at"))
    parts = [
        _by_quarter(facts),
        sessions.select("site", "at", *SESSION_MEASURES),
        facts.orders.select("site", "at", "currency", *ORDER_MEASURES),
    ]
    several = sessions.filter("several").select("session", "site", "at", "visitor_no")
    hour = _hour(zones)
    return Breakdown(
        "hour",
        [part.lazy().with_columns(hour) for part in parts],
        several.lazy().with_columns(hour),
    )


def _by_quarter(facts: DayFacts) -> pl.DataFrame:
    """Return events by site and quarter of an hour, so that few rows need an hour."""
    quarter = (pl.col("at").to_physical() // _QUARTER_US).cast(pl.UInt64)
    count = len(facts.sites)
    code = quarter * count + pl.col("site_no")
    sums = facts.events.group_by(code.alias("code")).agg(
        pl.col(EVENT_MEASURES).sum().cast(pl.Int64)
    )
    at = (pl.col("code") // count).cast(pl.Int64) * _QUARTER_US
    return sums.select(
        *EVENT_MEASURES,
        at=at.cast(UTC_MICROSECONDS),
        site=pl.lit(facts.sites).gather(pl.col("code") % count),
    )


def _hour(zones: Mapping[str, str]) -> pl.Expr:
    """Return the local hour of ``at`` at the site, in two digits, as a value."""
    hour = pl.lit(None, pl.Int8)
    for zone in sorted(set(zones.values())):
        sites = [site for site, site_zone in zones.items() if site_zone == zone]
        local = pl.col("at").dt.convert_time_zone(zone).dt.hour()
        hour = pl.when(pl.col("site").is_in(sites)).then(local).otherwise(hour)
    return hour.cast(pl.String).str.zfill(2).alias("value")


def _by_viewed(dimension: str, column: str, facts: DayFacts) -> Breakdown:
    """Return events by their own path or host, sessions by those of their pageviews.

    A bounce counts only on the page of the session's one interactive pageview.
    """
    own = labelled(pl.col(column))
    value_no, values = numbered(facts.events.select(own).to_series())
    events = facts.events.select(
        *_OF_EVENT, value_no, touches=pl.col("pageviews") & _IN_SESSION
    )
    orders = facts.orders.with_columns(own)
    breakdown = _by_event(dimension, events, values, orders, facts)
    on_pages, viewed, placed = breakdown.parts
    bounced = facts.sessions.lazy().filter(pl.col("bounces") > 0)
    bounces = bounced.select("site", "bounces", labelled(pl.col(f"lead_{column}")))
    return replace(breakdown, parts=[on_pages, viewed.drop("bounces"), placed, bounces])


def _by_name(facts: DayFacts) -> Breakdown:
    """Return counted events by their name, sessions by the names of their events."""
    counted = facts.events.select(*_OF_EVENT, "name").filter("events")
    value_no, values = numbered(counted["name"])
    events = counted.select(*_OF_EVENT, value_no, touches=_IN_SESSION)
    orders = facts.orders.with_columns(pl.col("name").alias("value"))
    return _by_event("event", events, values, orders, facts)


def _by_product(facts: DayFacts) -> Breakdown:
    """Return counted events by the products in their items, each product once."""
    has_items = pl.col("events") & (pl.col("items").list.len() > 0)
    with_items = facts.events.select(*_OF_EVENT, "items").filter(has_items)
    products = with_items.select(
        pl.col("items").list.eval(pl.element().struct.field("product")),
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
    ).explode("items")
    product_no, values = numbered(
        products.select(labelled(pl.col("items"))).to_series()
    )
    row, value_no = distinct_pairs(products["row"], product_no)
    events = with_items.select(pl.col(_OF_EVENT).gather(row)).with_columns(
        value_no.alias("value_no"), touches=_IN_SESSION
    )
    return _by_event("product", events, values, _order_lines(facts.orders), facts)


def _by_cart_action(facts: DayFacts) -> Breakdown:
    """Return cart events by what they did; carts have no orders."""
    value_no, values = numbered(facts.carts[CART_ACTION])
    events = facts.carts.select(*_OF_EVENT, value_no, touches=_IN_SESSION)
    orders = facts.orders.clear().with_columns(value=pl.lit(None, pl.String))
    return _by_event(CART_ACTION, events, values, orders, facts)


def _by_prop(facts: DayFacts) -> list[Breakdown]:
    """Return a breakdown for each property; events without it are in none."""
    has_props = pl.col("events") & pl.col("props").is_not_null()
    counted = facts.events.select(*_OF_EVENT, "props").filter(has_props)
    rows = prop_rows(counted["props"])
    events = counted.join(rows, on="props").with_columns(touches=_IN_SESSION)
    orders = facts.orders.join(rows, on="props")
    breakdowns = []
    for (name,), part in sorted(events.partition_by("dimension", as_dict=True).items()):
        value_no, values = numbered(part["value"])
        of_key = part.select(*_OF_EVENT, value_no, "touches")
        placed = orders.filter(pl.col("dimension") == name)
        breakdowns.append(_by_event(str(name), of_key, values, placed, facts))
    return breakdowns


def _order_lines(orders: pl.DataFrame) -> pl.DataFrame:
    """Return orders and refunds by product, each with the value of its own lines."""
    product = pl.col("items").struct.field("product")
    placed = pl.col("orders") > 0
    back = refunded_worth(pl.col("worth"))
    return (
        orders.select("site", "currency", "items", "orders", "refunds")
        .with_row_index("row")
        .filter(pl.col("items").list.len() > 0)
        .explode("items")
        .with_columns(labelled(product), worth=line_worth())
        .group_by("row", "site", "currency", "value", "orders", "refunds")
        .agg(pl.col("worth").sum())
        .with_columns(
            value_minor=pl.when(placed).then("worth").otherwise(0),
            refund_minor=pl.when(~placed).then(back).otherwise(0),
        )
    )


def _by_event(
    dimension: str,
    events: pl.DataFrame,
    values: pl.Series,
    orders: pl.DataFrame,
    facts: DayFacts,
) -> Breakdown:
    """Return the breakdown by values of events.

    An event with the flag ``touches`` also counts its session for its value.
    """
    codes = ValueCodes(facts.sites, values)
    code = codes.code(events["site_no"], events["value_no"]).alias("code")
    touching = events.select("session", "value_no").filter(events["touches"])
    pairs = _pairs(*distinct_pairs(*touching.get_columns()), codes, facts)
    return Breakdown(
        dimension,
        [
            events.select(*EVENT_MEASURES, code).lazy(),
            pairs.select("session", "code", *SESSION_MEASURES).lazy(),
            orders.select("site", "currency", "value", *ORDER_MEASURES).lazy(),
        ],
        pairs.filter("several").select("session", "code", "visitor_no").lazy(),
        codes,
    )


def _pairs(
    session: pl.Series, value_no: pl.Series, codes: ValueCodes, facts: DayFacts
) -> pl.DataFrame:
    """Return the session measures for each pair of session and value it touched."""
    of_session = facts.by_number.select(pl.all().gather(session))
    return of_session.with_columns(
        session.alias("session"),
        codes.code(of_session["site_no"], value_no).alias("code"),
        sessions=pl.lit(1, pl.Int64),
        visitors=pl.lit(1, pl.Int64),
    )
