"""Events to ``sessions`` and ``daily_stats``: the real build against DuckDB SQL.

Both sides read the same Parquet files, a day at a time, and leave the same rows of the
same columns in Parquet files; ours also syncs every file and commits to Delta. Each
runs in a process of its own, by turns, and the rows of both are compared.
``--grow`` adds the same with five times the events, ``--fresh`` builds after 1 % new
events in one day.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.workload import Workload, day_of_events
from warehouse import jobs
from warehouse.dtypes import polars_schema
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS, Table
from warehouse.tables import Warehouse

FIRST_DAY = date(2026, 11, 1)
NOW_S = 1_798_800_000.0
# Three sites of unlike size, currency and clock share every day's file.
SITES = {
    "shop": ("EUR", "UTC"),
    "blog": ("USD", "UTC"),
    "docs": ("EUR", "UTC"),
}
SHARES = {"shop": 0.6, "blog": 0.3, "docs": 0.1}
RULES = jobs.Rules(
    currencies={site: currency for site, (currency, _) in SITES.items()},
    zones={site: zone for site, (_, zone) in SITES.items()},
    value_limit=10_000,
)


class Measured(NamedTuple):
    """What one run of one side took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    """Make the events, then measure both sides by turns."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--grow", action="store_true", help="and five times as many")
    options.add_argument("--fresh", action="store_true", help="and 1 %% new events")
    options.add_argument("--folder", type=Path, help="keep the events here")
    options.add_argument("--side", choices=("ours", "duckdb", "fresh"))
    asked = options.parse_args()
    if asked.side:
        _measure(asked.side, asked.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        small = _compare(folder / "small", asked.events, asked.days, asked.pairs)
        if asked.fresh:
            _compare_fresh(folder / "small", asked.events // 100, small, asked.pairs)
        if asked.grow:
            large = _compare(folder / "large", asked.events * 5, asked.days, 1)
            print(f"growth of ours to five times the events: {large / small:.2f}")


def _compare(folder: Path, events: int, days: int, pairs: int) -> float:
    """Return the median seconds of our side, after printing both."""
    _fill(folder, events // days, days)
    turns = []
    for _ in range(pairs):
        turns.append((_run("ours", folder), _run("duckdb", folder)))
        print(".", end="", flush=True)
    print()
    _check_same(folder)
    rows = Warehouse(folder / "warehouse").view(EVENTS).rows()
    print(f"{rows:,} events in {days} days, {pairs} pairs")
    for name, side in (("ours", 0), ("duckdb", 1)):
        walls = [turn[side].wall_s for turn in turns]
        print(
            f"{name:<7} {statistics.median(walls):7.2f} s"
            f" ({min(walls):.2f} to {max(walls):.2f}),"
            f" CPU {statistics.median(turn[side].cpu_s for turn in turns):.2f} s,"
            f" peak {max(turn[side].peak_mb for turn in turns):.0f} MB"
        )
    _print_ratio("wall", (ours.wall_s / other.wall_s for ours, other in turns))
    _print_ratio("CPU ", (ours.cpu_s / other.cpu_s for ours, other in turns))
    return statistics.median(ours.wall_s for ours, _ in turns)


def _print_ratio(name: str, values: Iterable[float]) -> None:
    ratios = sorted(values)
    print(
        f"ours/duckdb {name} median {statistics.median(ratios):.3f}"
        f" ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


def _fill(folder: Path, events: int, days: int) -> None:
    """Write *days* days of events as the load leaves them after compaction."""
    if folder.exists():
        return
    table = Warehouse(folder / "warehouse").open(EVENTS)
    for number in range(days):
        table.append(_day(FIRST_DAY + timedelta(days=number), events))


def _day(day: date, events: int, salt: int = 0) -> pl.DataFrame:
    frames = [
        day_of_events(
            Workload(events=round(events * share), site=site, seed=salt + number), day
        )
        for number, (site, share) in enumerate(SHARES.items())
    ]
    schema = polars_schema(EVENTS)
    whole = pl.concat(frames, how="diagonal")
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
        if name not in whole.columns
    ]
    return whole.with_columns(missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def _compare_fresh(folder: Path, events: int, full_s: float, pairs: int) -> None:
    """Print how a build after new events in one day compares to a full one."""
    seconds = []
    for number in range(pairs):
        _run("ours", folder)
        day = FIRST_DAY + timedelta(days=number % 7)
        fresh = _day(day, events, salt=100 + number)
        Warehouse(folder / "warehouse").open(EVENTS).append(fresh)
        seconds.append(_run("fresh", folder).wall_s)
    print(
        f"after {events:,} new events in one day: {statistics.median(seconds):.2f} s,"
        f" {statistics.median(seconds) / full_s:.3f} of a full build"
    )


def _run(side: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.build", "--side", side]
    printed = subprocess.run(
        [*command, "--folder", str(folder)], check=True, stdout=subprocess.PIPE
    )
    return Measured(*json.loads(printed.stdout))


def _measure(side: str, folder: Path) -> None:
    warehouse = Warehouse(folder / "warehouse")
    target = folder / "duckdb"
    if side == "ours":
        for table in (SESSIONS, DAILY_STATS):
            shutil.rmtree(warehouse.root / table.name, ignore_errors=True)
    if side == "duckdb":
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    if side == "duckdb":
        _build_with_duckdb(warehouse, target)
    else:
        jobs.build(warehouse, RULES, NOW_S)
    measured = Measured(
        wall_s=time.perf_counter() - wall_s,
        cpu_s=time.process_time() - cpu_s,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    )
    os.write(1, json.dumps(measured).encode())


def _build_with_duckdb(warehouse: Warehouse, target: Path) -> None:
    # Our side shall not pay for the other's memory.
    import duckdb  # noqa: PLC0415

    from benchmarks.duckdb_build import DuckDBBuild  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    build = DuckDBBuild(connection, SITES)
    files = {each.day: each.path for each in warehouse.view(EVENTS).files()}
    for day, path in sorted(files.items()):
        build.build(day, warehouse.root / EVENTS.name / path, target)


def _check_same(folder: Path) -> None:
    """Stop if the two sides did not compute the same rows."""
    for table in (SESSIONS, DAILY_STATS):
        ours = _comparable(Warehouse(folder / "warehouse").view(table).scan(), table)
        files = str(folder / "duckdb" / f"{table.name}-*.parquet")
        theirs = _comparable(pl.scan_parquet(files), table)
        if ours != theirs:
            raise SystemExit(f"{table.name}: the two sides differ: {ours} {theirs}")


def _comparable(rows: pl.LazyFrame, table: Table) -> list[int]:
    """Return a digest of every column, where session ids may differ by design."""
    schema = {
        name: dtype for name, dtype in polars_schema(table).items() if name != "session"
    }
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.items()]
    row = pl.struct(columns).hash(seed=1)
    counted = rows.select(row=row, total=pl.len()).select(
        pl.len(), pl.col("row").sum(), (pl.col("row") // 2**32).sum().alias("high")
    )
    return list(counted.collect().row(0))


if __name__ == "__main__":
    main()
