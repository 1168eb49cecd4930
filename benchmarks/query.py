"""``POST /api/v1/query`` over a year of one site: Millpond and DuckDB SQL.

Both sides read the same ``daily_stats``, in turn. Millpond answers through the private
server and HTTP: first with a cold cache, as directly after the start, then as the first
query to a server with a warm cache, then again. DuckDB runs plain SQL in this process.
Both sides must give the same figures for every row of the answer.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as local_time
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import duckdb
import polars as pl

from benchmarks.build import NOW_S, RULES
from benchmarks.events import SITES, make_events
from config.settings import ReportsSettings, Settings, SiteSettings
from reports.counting.queries import Statistics
from reports.counting.stats_cache import StatsCache
from reports.web.app import build_app
from reports.web.query_pool import QueryPool
from reports.web.server import listening
from warehouse import build
from warehouse.schema import DAILY_STATS, EVENTS
from warehouse.tables import Warehouse

_FIRST, _DAYS, _SAMPLE_DAYS = date(2025, 11, 1), 365, 7
_LAST = _FIRST + timedelta(days=_DAYS - 1)
_LOCAL_NOW = datetime.combine(_LAST, local_time(12), UTC)
_METRICS = ("visitors", "sessions", "pageviews", "bounces", "orders")
# The dimensions of each query, the dimension in ``daily_stats``, and the value in SQL.
_QUERIES = {
    "headline": ([], "total", "''"),
    "by day": (["day"], "total", "strftime(day, '%Y-%m-%d')"),
    "by source": (["source"], "source", "value"),
    "by page": (["page"], "page", "value"),
}
_REPEATS = 5
_MIB = 1024 * 1024


class Turn(NamedTuple):
    """Milliseconds of one query: cold cache, warm cache, repeated, DuckDB, warming."""

    cold: float
    first: float
    again: float
    duckdb: float
    preparing: float


def main() -> None:
    """Make a year of figures, then query both sides in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=50_000, help="for each day")
    options.add_argument("--pairs", type=int, default=7)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "warehouse")
        _fill(warehouse, Path(folder), arguments.events)
        print(f"{warehouse.view(DAILY_STATS).rows():,} rows of daily_stats")
        for name in _QUERIES:
            turns = [
                asyncio.run(_turn(warehouse, name)) for _ in range(arguments.pairs)
            ]
            _print(name, turns)


def _fill(warehouse: Warehouse, folder: Path, events: int) -> None:
    """Write a year of figures from a few sample days, which repeat."""
    sample = Warehouse(folder / "sample")
    make_events(sample, events, _SAMPLE_DAYS)
    build.build(sample, RULES, NOW_S)
    days = sample.view(EVENTS).days()
    frames = [sample.view(DAILY_STATS).read([day]) for day in days]
    year = [_FIRST + timedelta(days=number) for number in range(_DAYS)]
    warehouse.open(DAILY_STATS).replace_days(
        year, _repeat(frames, year), now_s=NOW_S, touched=set()
    )


def _repeat(frames: list[pl.DataFrame], year: list[date]) -> Iterator[pl.DataFrame]:
    for number, day in enumerate(year):
        yield frames[number % len(frames)].with_columns(day=pl.lit(day))


async def _turn(warehouse: Warehouse, name: str) -> Turn:
    """Time one query on both sides, and stop if the answers differ."""
    async with _serve(warehouse) as (_, url), aiohttp.ClientSession() as client:
        _, cold_ms = await _query_millpond(client, url, name)
    async with _serve(warehouse) as (pool, url), aiohttp.ClientSession() as client:
        started = time.perf_counter()
        while await pool.run(lambda statistics, _tick: statistics.prepare([*SITES])):
            pass
        preparing_ms = (time.perf_counter() - started) * 1_000
        times = []
        for _ in range(1 + _REPEATS):
            millpond_rows, query_ms = await _query_millpond(client, url, name)
            times.append(query_ms)
    duckdb_rows, duckdb_ms = _query_duckdb(warehouse, name)
    differs = any(duckdb_rows.get(key) != row for key, row in millpond_rows.items())
    if differs or not millpond_rows:
        raise SystemExit(f"{name}: the two sides differ")
    again_ms = statistics.median(times[1:])
    return Turn(cold_ms, times[0], again_ms, duckdb_ms, preparing_ms)


@asynccontextmanager
async def _serve(warehouse: Warehouse) -> AsyncIterator[tuple[QueryPool, str]]:
    sites = tuple(
        SiteSettings(id=site, domains=(f"{site}.example",), currency=currency)
        for site, (currency, _) in SITES.items()
    )
    settings = Settings(sites=sites, reports=ReportsSettings(port=0))
    cache = StatsCache(settings.reports.cache_mb * _MIB)
    pool = QueryPool(lambda: Statistics(warehouse, cache), time_limit_s=30)
    app = build_app(settings, pool, lambda _site: _LOCAL_NOW)
    async with listening(app, settings.reports) as port:
        yield pool, f"http://127.0.0.1:{port}/api/v1/query"


async def _query_millpond(
    client: aiohttp.ClientSession, url: str, name: str
) -> tuple[dict[str, list[Any]], float]:
    """Return the figures by value, and the milliseconds from request to answer."""
    body = {
        "site": "shop",
        "metrics": _METRICS,
        "date_range": [_FIRST.isoformat(), _LAST.isoformat()],
        "dimensions": _QUERIES[name][0],
        "limit": 400,
    }
    started = time.perf_counter()
    async with client.post(url, json=body) as response:
        answer = await response.json()
    query_ms = (time.perf_counter() - started) * 1_000
    if response.status != 200:
        raise SystemExit(f"{name}: {answer}")
    rows = answer["results"]
    return {"".join(row["dimensions"]): row["metrics"] for row in rows}, query_ms


def _query_duckdb(
    warehouse: Warehouse, name: str
) -> tuple[dict[str, list[Any]], float]:
    view = warehouse.view(DAILY_STATS)
    files = [str(view.path / file.path) for file in view.files()]
    _, dimension, value = _QUERIES[name]
    sums = ", ".join(f"sum({metric})::bigint" for metric in _METRICS)
    query = f"""
        select {value} as value, {sums} from read_parquet(?, hive_partitioning = true)
        where site = 'shop' and dimension = '{dimension}' group by 1 order by 2 desc
    """
    connection = duckdb.connect()
    started = time.perf_counter()
    rows = connection.execute(query, [files]).fetchall()
    query_ms = (time.perf_counter() - started) * 1_000
    connection.close()
    return {row[0]: list(row[1:]) for row in rows}, query_ms


def _print(name: str, turns: list[Turn]) -> None:
    print(f"{name}, {len(turns)} pairs")
    for label, values in (
        ("cold ms", [turn.cold for turn in turns]),
        ("first ms", [turn.first for turn in turns]),
        ("again ms", [turn.again for turn in turns]),
        ("DuckDB ms", [turn.duckdb for turn in turns]),
        ("preparing ms", [turn.preparing for turn in turns]),
        ("cold/DuckDB", [turn.cold / turn.duckdb for turn in turns]),
        ("first/DuckDB", [turn.first / turn.duckdb for turn in turns]),
    ):
        median = statistics.median(values)
        print(f"  {label:<13} {median:8.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
