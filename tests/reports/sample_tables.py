"""Sample rows, stored in tables as the batcher and the jobs store them."""

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from reports.answer import Answer
from reports.counting.queries import Statistics
from reports.query import parse_query
from tests.reports.sample_queries import SITES, today
from tests.warehouse.day_frames import Row, build_day, event, frame
from warehouse.delta.log_digests import entry_path
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, SESSIONS
from warehouse.tables import StoredTable, Warehouse

# The time of the commits: 2026-11-22T08:00:00Z.
BUILT_AT_S = 1_795_334_400

WALK_DAY = date(2026, 11, 20)
WEEK = ["2026-11-16", "2026-11-22"]


def store(
    root: Path,
    events: Iterable[Row],
    drops: Sequence[Row] = (),
    value_limit: int = 1_000,
) -> Warehouse:
    """Return a warehouse with *events*, the tables built from them, and *drops*."""
    warehouse = Warehouse(root)
    stored = frame(events)
    days = sorted(set(stored["day"]))
    built = [build_day(stored.filter(day=day), value_limit) for day in days]
    warehouse.open(EVENTS).append(stored)
    for table, index in ((SESSIONS, 0), (DAILY_STATS, 1)):
        frames = (pair[index] for pair in built)
        warehouse.open(table).replace_days(days, frames, now_s=0)
    if drops:
        warehouse.open(DROPS).append(frame(drops, DROPS))
    for table in (EVENTS, DAILY_STATS):
        set_commit_time(warehouse.open(table))
    return warehouse


def set_commit_time(table: StoredTable) -> None:
    """Set the time of the newest commit, which reports show, to ``BUILT_AT_S``."""
    os.utime(entry_path(table.path, table.version), (BUILT_AT_S, BUILT_AT_S))


def drop(reason: str, count: int, **changes: object) -> Row:
    """Return a row of the drops table."""
    row = {"site": "shop", "day": date(2026, 11, 22), "hour": 9, "protocol": "native"}
    return {**row, "reason": reason, "count": count, "bot_kind": None, **changes}


def sample() -> list[Row]:
    """Return two weeks of events of a small shop, always the same."""
    rows = []
    for number in range(14):
        day = date(2026, 11, 9 + number)
        for visitor in range(1, 4 + number % 5):
            rows += _visitor_events(day, visitor + 100 * number)
    return rows


def _visitor_events(day: date, visitor: int) -> list[Row]:
    """Return the events of one visitor: one or two pages, and sometimes an order."""
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


def answer_query(warehouse: Warehouse, raw: object) -> Answer:
    """Return the answer to the query *raw*."""
    return Statistics(warehouse).answer(parse_query(raw, SITES, today))


def results(answer: Answer) -> list[tuple[object, ...]]:
    """Return the rows of an answer as (dimensions…, metrics…)."""
    return [(*row.dimensions, *row.metrics) for row in answer.rows]


def two_visitors() -> list[Row]:
    """Return one day of two visitors to a site, and one visitor to another site."""
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
