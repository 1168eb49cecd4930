"""Compare the stored figures with those that the events give now; changes nothing."""

from collections.abc import Collection
from datetime import date

import msgspec
import polars as pl

from warehouse.build import Rules, derive, is_within
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.tables import TableView, Warehouse


class DayDifference(msgspec.Struct, frozen=True):
    """A stored (site, day) whose rows differ from the rows that its events give."""

    table: str
    site: str
    day: date


def rebuild_differences(
    warehouse: Warehouse,
    rules: Rules,
    *,
    since: date | None = None,
    until: date | None = None,
) -> list[DayDifference]:
    """Return where the stored figures differ from those that the events give now.

    ``row_account`` checks whether the events are the ones that were loaded.
    """
    events = warehouse.view(EVENTS)
    views = (warehouse.view(SESSIONS), warehouse.view(DAILY_STATS))
    differences: list[DayDifference] = []
    for day in events.days():
        if is_within(day, since, until):
            derived = derive(events, day, frozenset(), rules)
            frames = (derived.sessions, derived.stats)
            for view, expected in zip(views, frames, strict=True):
                differences += _differences(view, day, expected)
    return differences


def _differences(
    view: TableView, day: date, expected: pl.DataFrame
) -> list[DayDifference]:
    stored = view.read([day])
    key = [*view.table.key]
    sites = {*stored["site"].unique(), *expected["site"].unique()}
    return [
        DayDifference(view.table.name, site, day)
        for site in sorted(sites)
        if not _site_rows(stored, site, key).equals(_site_rows(expected, site, key))
    ]


def _site_rows(rows: pl.DataFrame, site: str, key: Collection[str]) -> pl.DataFrame:
    """Return the rows of *site*, sorted by *key*."""
    return rows.filter(pl.col("site") == site).sort(key)
