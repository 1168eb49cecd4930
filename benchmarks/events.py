"""The events that the benchmarks of the build and of queries read: three sites."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.workload import Workload, day_of_events
from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

FIRST_DAY = date(2026, 11, 1)
# The currency and the time zone of each site; one file has the events of all sites.
SITES = {
    "shop": ("EUR", "UTC"),
    "blog": ("USD", "UTC"),
    "docs": ("EUR", "UTC"),
}
_SHARES = {"shop": 0.6, "blog": 0.3, "docs": 0.1}


def make_events(warehouse: Warehouse, events: int, days: int) -> None:
    """Write *days* with *events* each, in the files that a compaction leaves."""
    table = warehouse.open(EVENTS)
    for number in range(days):
        table.append(make_day(FIRST_DAY + timedelta(days=number), events))


def make_day(day: date, events: int, seed: int = 0) -> pl.DataFrame:
    """Return one day of events of all sites, with the columns of the table."""
    frames = [
        day_of_events(
            Workload(events=round(events * share), site=site, seed=seed + number), day
        )
        for number, (site, share) in enumerate(_SHARES.items())
    ]
    schema = polars_schema(EVENTS)
    combined = pl.concat(frames, how="diagonal")
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
        if name not in combined.columns
    ]
    return combined.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def grow_events(small: Path, large: Path) -> None:
    """Write every day with its own events and those of the four days before it."""
    if large.exists():
        return
    source = Warehouse(small / "warehouse").view(EVENTS)
    table = Warehouse(large / "warehouse").open(EVENTS)
    days = source.days()
    for position, day in enumerate(days):
        last_days = [source.read([days[position - back]]) for back in range(5)]
        table.append(pl.concat(_move_to_day(frame, day) for frame in last_days))


def _move_to_day(events: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return *events* moved to *day*, at the same times."""
    at = pl.col("at") + (pl.lit(day) - pl.col("day"))
    return events.with_columns(at=at, day=pl.lit(day))
