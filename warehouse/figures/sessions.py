"""Derive sessions from sessionized events: pure functions from frame to frame.

docs/decisions/0050-sessions-and-bounces.md defines a session, a bounce and a continued
session.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.dtypes import UTC_MICROSECONDS, polars_schema
from warehouse.figures.channels import is_internal
from warehouse.figures.sessionize import (
    ACQUISITION,
    CART_UPDATED,
    PAGEVIEW,
    SESSION_TIMEOUT_S,
    SessionizedDay,
    is_counted,
    is_interactive,
)
from warehouse.schema import EVENTS, SESSIONS

# Beyond these limits a "visitor" is a program or has a wrong clock: the session is
# suspect.
SUSPECT_PAGEVIEWS = 1_000
SUSPECT_S = 86_400

_COUNTED_NAMES = {
    "product_views": "product_viewed",
    "cart_updates": CART_UPDATED,
    "checkouts": "checkout_started",
}
_VISITOR_FACTOR = 0x9E3779B97F4A7C15
_START_FACTOR = 0xBF58476D1CE4E5B9
_MEASURED = ("engaged_ms", "value_minor", "currency")
_OF_LEAD = [
    name
    for name in polars_schema(SESSIONS)
    if name in set(polars_schema(EVENTS)) - {*_MEASURED, *ACQUISITION}
]
# The columns that a continued session has not.
_NEW_ACQUISITION = [name for name in ACQUISITION if name not in ("hostname", "channel")]


def sessions(
    day: SessionizedDay,
    currencies: Mapping[str, str],
    zones: Mapping[str, str],
    timeout_s: int = SESSION_TIMEOUT_S,
) -> pl.DataFrame:
    """Return the sessions of *day*: row n is session n of ``day.events``.

    *currencies* and *zones* have the currency and the IANA time zone of each site.
    """
    schema = polars_schema(SESSIONS)
    if day.bounds.is_empty():
        return schema.to_frame()
    frame = pl.concat(
        [
            _leads(day),
            day.entries,
            _measures(day),
            _pages(day),
            _orders(day, currencies),
        ],
        how="horizontal",
    )
    continued = _is_continued(frame, _midnights(day, zones), timeout_s)
    emptied = frame.with_columns(
        pl.when(~continued).then(name).alias(name) for name in _NEW_ACQUISITION
    )
    return (
        _with_acquisition(emptied)
        .with_columns(
            session=_session_id(frame),
            continued=continued,
            bounce=(pl.col("interactive") == 1)
            & (pl.col("lead_name") == PAGEVIEW)
            & ~continued,
            suspect=(pl.col("pageviews") > SUSPECT_PAGEVIEWS)
            | (pl.col("duration_s") >= SUSPECT_S),
            currency=pl.col("site").replace_strict(dict(currencies)),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    )


def _leads(day: SessionizedDay) -> pl.DataFrame:
    """Return the columns that a session takes from its first interactive event."""
    last_at = day.events["at"].gather(day.bounds["last"])
    return day.leads.select(
        *_OF_LEAD,
        pl.col("at").alias("started_at"),
        pl.col("name").alias("lead_name"),
        (last_at - pl.col("at")).dt.total_seconds().alias("duration_s"),
    )


def _measures(day: SessionizedDay) -> pl.DataFrame:
    """Return the counts and sums over all events of each session."""
    named_counts = {
        column: pl.col("name") == name for column, name in _COUNTED_NAMES.items()
    }
    return day.totals(
        {
            "pageviews": pl.col("name") == PAGEVIEW,
            "events": is_counted(),
            "interactive": is_interactive(),
            "engaged_ms": pl.col("engaged_ms").fill_null(0),
            **named_counts,
        }
    )


def _pages(day: SessionizedDay) -> pl.DataFrame:
    """Return the paths of the first and last pageview of each session, or null."""
    is_pageview = (day.events["name"] == PAGEVIEW) & ~day.events["server"]
    rows = is_pageview.arg_true()
    pageviews_so_far = is_pageview.cum_sum()
    first, last = day.bounds["first"], day.bounds["last"]
    entry = pageviews_so_far.gather(first) - is_pageview.gather(first)
    has_pageview = pageviews_so_far.gather(last) > entry
    pages = {"entry_path": entry, "exit_path": pageviews_so_far.gather(last) - 1}
    return pl.DataFrame(
        {
            name: day.events["path"].gather(rows.gather(_where(has_pageview, number)))
            for name, number in pages.items()
        }
    )


def _where(condition: pl.Series, values: pl.Series) -> pl.Series:
    """Return *values*, with null where *condition* is false."""
    return pl.select(pl.when(condition).then(values)).to_series()


def _orders(day: SessionizedDay, currencies: Mapping[str, str]) -> pl.DataFrame:
    """Return the orders of each session, and their value in the site's own currency."""
    own = is_own_currency(currencies)
    sums = (
        day.orders.filter(pl.col("session").is_not_null())
        .group_by("session")
        .agg(
            orders=pl.len().cast(pl.Int64),
            value_minor=pl.col("value_minor").filter(own).sum(),
        )
    )
    zeros = pl.repeat(0, len(day.bounds), dtype=pl.Int64, eager=True)
    return pl.DataFrame(
        {
            name: zeros.clone().scatter(sums["session"], sums[name])
            for name in ("orders", "value_minor")
        }
    )


def is_own_currency(currencies: Mapping[str, str]) -> pl.Expr:
    """Return whether an order is in its site's currency; a null currency counts too."""
    own = pl.col("site").replace_strict(dict(currencies))
    return pl.col("currency").is_null() | (pl.col("currency") == own)


def _is_continued(
    frame: pl.DataFrame, midnights: Mapping[str, datetime], timeout_s: int
) -> pl.Series:
    """Return the sessions that started from the same site just after midnight."""
    since = pl.col("started_at") - pl.col("site").replace_strict(
        dict(midnights), return_dtype=UTC_MICROSECONDS
    )
    in_time = since.is_between(pl.duration(), pl.duration(seconds=timeout_s))
    return frame.select((is_internal() & in_time).alias("continued")).to_series()


def _with_acquisition(frame: pl.DataFrame) -> pl.DataFrame:
    """Return *frame*, in which a session from the same site acquires nobody.

    It gets the acquisition of the visitor's session before it on that day, if there is
    one. Without this, the visitor who comes back from a payment page after the timeout
    would take the order away from the newsletter that led to it.
    """
    visitor, site = pl.col("visitor"), pl.col("site")
    is_first = (visitor != visitor.shift(1)) | (site != site.shift(1))
    acquires = ~is_internal() | is_first.fill_null(value=True)
    rows = frame.select(row=pl.int_range(pl.len()), acquires=acquires)
    owner = rows.select(pl.when("acquires").then("row").forward_fill()).to_series()
    if (owner == rows["row"]).all():
        return frame
    return frame.with_columns(
        pl.col(name).gather(owner) for name in ("channel", *_NEW_ACQUISITION)
    )


def _midnights(day: SessionizedDay, zones: Mapping[str, str]) -> dict[str, datetime]:
    """Return the start of the day in the time zone of each site."""
    local_day: date = day.events["day"][0]
    return {
        site: datetime.combine(local_day, time(), ZoneInfo(zone)).astimezone(UTC)
        for site, zone in zones.items()
    }


def _session_id(frame: pl.DataFrame) -> pl.Series:
    """Return 64 bits of (site, visitor, start) that are the same on every machine.

    This uses wrapping integer arithmetic, because Polars' own hash changes between
    versions, and a rebuild must give the same ids. The visitor is already random; the
    odd factors prevent equal sums for different parts.
    """
    sites = {
        site: int.from_bytes(blake2b(site.encode(), digest_size=8).digest())
        for site in frame["site"].unique()
    }
    bits = (
        pl.col("visitor").reinterpret(signed=False) * _uint64(_VISITOR_FACTOR)
        + pl.col("started_at").dt.epoch("s").cast(pl.UInt64) * _uint64(_START_FACTOR)
        + pl.col("site").replace_strict(sites, return_dtype=pl.UInt64)
    )
    return frame.select(bits.reinterpret(signed=True)).to_series()


def _uint64(value: int) -> pl.Expr:
    return pl.lit(value, pl.UInt64)
