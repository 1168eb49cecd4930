"""A built warehouse with two sites and two days, and pageviews to append to it."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from warehouse import build
from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

NOW = 1_795_406_400.0
MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
RULES = build.Rules(
    currencies={"shop": "EUR", "blog": "USD"},
    zones={"shop": "UTC", "blog": "UTC"},
    value_limit=100,
)


def pageviews(site: str, day: date, visitors: range, path: str = "/") -> pl.DataFrame:
    """Return one pageview at noon for each visitor in *visitors*."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rows = [
        {
            "site": site,
            "day": day,
            "at": noon,
            "seq": 0,
            "event_id": hash((site, day, visitor, path)),
            "visitor": visitor,
            "name": "pageview",
            "protocol": "native",
            "server": False,
            "passive": False,
            "late": False,
            "amount_from_items": False,
            "path": path,
        }
        for visitor in visitors
    ]
    schema = polars_schema(EVENTS)
    blank = dict.fromkeys(schema)
    return pl.DataFrame([blank | row for row in rows], schema=schema)


def build_two_sites(root: Path) -> Warehouse:
    """Return a built warehouse with two sites, two days and ten visitors each."""
    warehouse = Warehouse(root)
    table = warehouse.open(EVENTS)
    for day in (MONDAY, TUESDAY):
        table.append(
            pl.concat(
                [pageviews("shop", day, range(10)), pageviews("blog", day, range(10))]
            )
        )
    build.build(warehouse, RULES, NOW)
    return warehouse
