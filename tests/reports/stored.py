"""Rows as the batcher and the jobs leave them in the tables, for reading."""

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from reports.answer import Answer
from reports.counting.queries import Statistics
from reports.query import parse_query
from tests.reports.questions import SITES, today
from tests.warehouse.day import Row, built, event, frame
from warehouse.delta.log_digests import entry_path
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import StoredTable, Warehouse

# What the tables' commits are dated to: 2026-11-22T08:00:00Z.
BUILT_AT_S = 1_795_334_400

WALK_DAY = date(2026, 11, 20)
WEEK = ["2026-11-16", "2026-11-22"]


def store(
    root: Path,
    events: Iterable[Row],
    drops: Sequence[Row] = (),
    value_limit: int = 1_000,
) -> Warehouse:
    """Return a warehouse that holds *events*, what is built of them, and *drops*."""
    warehouse = Warehouse(root)
    given = frame(events)
    days = sorted(set(given["day"]))
    made = [built(given.filter(day=day), value_limit) for day in days]
    warehouse.open(EVENTS).append(given)
    for table, n in ((SESSIONS, 0), (DAILY_STATS, 1)):
        frames = (each[n] for each in made)
        warehouse.open(table).replace_days(days, frames, now_s=0)
    if drops:
        warehouse.open(DROPS).append(frame(drops, DROPS))
    for table in (EVENTS, DAILY_STATS):
        dated(warehouse.open(table))
    return warehouse


def dated(table: StoredTable) -> None:
    """Set the time of the newest commit, which reports show, to a fixed one."""
    os.utime(entry_path(table.path, table.version), (BUILT_AT_S, BUILT_AT_S))


def drop(reason: str, count: int, **changes: object) -> Row:
    """Return a row of drops."""
    row = {"site": "shop", "day": date(2026, 11, 22), "hour": 9, "protocol": "native"}
    return {**row, "reason": reason, "count": count, **changes}


def sample() -> list[Row]:
    """Return a week of a small shop, the same every time."""
    rows = []
    for number in range(14):
        day = date(2026, 11, 9 + number)
        for visitor in range(1, 4 + number % 5):
            rows += _visitor_of(day, visitor + 100 * number)
    return rows


def _visitor_of(day: date, visitor: int) -> list[Row]:
    """Return the events of one made-up visitor: two pages, and an order of some."""
    source = ("Google", None, "Mastodon")[visitor % 3]
    client: Row = {
        "day": day,
        "visitor": visitor,
        "source": source,
        "country": ("DE", "AT", None)[visitor % 3],
    }
    clock = f"{8 + visitor % 12:02}"
    rows = [event(f"{clock}:00", **client, path="/")]
    if visitor % 2:
        rows.append(event(f"{clock}:02", **client, path="/boots"))
    if visitor % 4 == 1:
        order: Row = {"name": "order_placed", "order_key": visitor, "path": "/cart"}
        money: Row = {"currency": "EUR", "value_minor": 4_990 + visitor}
        rows.append(event(f"{clock}:05", **client, **order, **money))
    return rows


def asked(warehouse: Warehouse, raw: object) -> Answer:
    """Return the answer to the question *raw*."""
    return Statistics(warehouse).answer(parse_query(raw, SITES, today))


def results(answer: Answer) -> list[tuple[object, ...]]:
    """Return an answer's rows, dimensions and metrics side by side."""
    return [(*row.dimensions, *row.metrics) for row in answer.rows]


def walks() -> list[Row]:
    """Return two visitors' walks through a site on one day, and another site's."""
    first: Row = {"day": WALK_DAY, "visitor": 1, "country": "DE", "source": "Google"}
    second: Row = {"day": WALK_DAY, "visitor": 2, "country": "FR"}
    return [
        event("10:00", **first, path="/"),
        event("10:01", **first, path="/a"),
        event("10:02", **first, path="/a", name="signup"),
        event("15:00", **first, path="/b"),
        event("11:00", **second, path="/a"),
        event("11:09", **second, path="/a", name="engagement", engaged_ms=9_000),
        event("12:00", day=WALK_DAY, visitor=None, country="DE", path="/a"),
        event("12:00", day=WALK_DAY, visitor=9, site="blog", path="/a"),
    ]
