"""One day of events for tests: rows as dicts, and the frames built from them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from warehouse.dtypes import columns, polars_schema
from warehouse.figures.daily_stats import daily_stats
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS, Event, Table

Row = dict[str, Any]

DAY = date(2026, 3, 4)
CURRENCIES = {"shop": "EUR", "blog": "USD"}
ZONES = {"shop": "Europe/Berlin", "blog": "America/New_York"}
_SECOND_US = 1_000_000


def midnight(day: date = DAY, site: str = "shop") -> int:
    """Return the first second of *day* in the time zone of *site*."""
    return int(datetime.combine(day, time(), ZoneInfo(ZONES[site])).timestamp())


def event(clock: str = "12:00", **changes: Any) -> Row:
    """Return an event at HH:MM or HH:MM:SS after midnight at its site."""
    row: Row = {
        column.name: None if column.default is msgspec.NODEFAULT else column.default
        for column in columns(Event)
    }
    row |= {"site": "shop", "day": DAY, "visitor": 1, "path": "/"} | changes
    parts = [int(part) for part in clock.split(":")]
    since_s = sum(
        part * unit for part, unit in zip(parts, (3_600, 60, 1), strict=False)
    )
    return row | {"at": midnight(row["day"], row["site"]) + since_s}


def frame(events: Iterable[Row], table: Table = EVENTS) -> pl.DataFrame:
    """Return a frame of *events* with the schema of *table*."""
    schema = polars_schema(table)
    rows = [{name: _stored(row, name) for name in schema} for row in events]
    return pl.DataFrame(rows, schema=schema)


def _stored(row: Row, name: str) -> Any:
    seconds = {"at", "started_at"}
    return row[name] * _SECOND_US if name in seconds else row[name]


def rows(stored: pl.DataFrame) -> list[Row]:
    """Return the rows of a frame, with times as whole seconds."""
    times = [name for name, dtype in stored.schema.items() if dtype == pl.Datetime]
    return stored.with_columns(pl.col(times).dt.epoch("s")).to_dicts()


def build_day(
    events: Iterable[Row] | pl.DataFrame,
    value_limit: int = 1_000,
    currencies: Mapping[str, str] = CURRENCIES,
    zones: Mapping[str, str] = ZONES,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the sessions and daily_stats of one day's events, in stored order."""
    events_frame = events if isinstance(events, pl.DataFrame) else frame(events)
    day = sessionize(events_frame)
    sessions_frame = sessions(day, currencies, zones)
    stats = daily_stats(day, sessions_frame, currencies, zones, value_limit)
    return sessions_frame.sort(SESSIONS.sort_by), stats.sort(DAILY_STATS.sort_by)


def figures(
    stats: pl.DataFrame, dimension: str, *measures: str, site: str = "shop"
) -> dict[str, Any]:
    """Return measures by value of *dimension*, in the currency of the site."""
    rows_of_dimension = stats.filter(
        site=site, dimension=dimension, currency=CURRENCIES[site]
    ).sort("value")
    return {
        row["value"]: row[measures[0]]
        if len(measures) == 1
        else tuple(row[name] for name in measures)
        for row in rows_of_dimension.to_dicts()
    }
