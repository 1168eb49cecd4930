"""Events to ``sessions`` and ``daily_stats``: the real build against DuckDB SQL.

Both sides read the same Parquet files, a day at a time, and leave the same rows of the
same columns in Parquet files; ours also syncs every file and commits to Delta. Each
runs in a process of its own, by turns, and the rows of both are compared.

``--grow`` measures instead how our side grows with five times the events a day, and
compares one of those days with DuckDB. ``--touch-one-day`` measures a build after 1 %
new events in one day against a full one, and compares their rows.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.workload import Workload, day_of_events
from config.memory import ALLOCATOR, configure_allocator
from warehouse import build
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
RULES = build.Rules(
    currencies={site: currency for site, (currency, _) in SITES.items()},
    zones={site: zone for site, (_, zone) in SITES.items()},
    value_limit=10_000,
)
# How many days DuckDB builds; comparing needs not all.
_DUCKDB_DAYS = {"duckdb": None, "one day": 1}


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
    options.add_argument("--grow", action="store_true")
    options.add_argument("--touch-one-day", action="store_true")
    options.add_argument("--folder", type=Path, help="keep the events here")
    options.add_argument("--side", choices=("ours", "touched", "duckdb", "one day"))
    asked = options.parse_args()
    if asked.side:
        _measure(asked.side, asked.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.folder or Path(scratch)) / "small"
        _fill(folder, asked.events // asked.days, asked.days)
        if asked.grow:
            _compare_growth(folder, asked.pairs)
        elif asked.touch_one_day:
            _compare_touched(folder, asked.pairs)
        else:
            _compare(folder, asked.pairs)


def _compare(folder: Path, pairs: int) -> None:
    """Print our build and DuckDB's of the same events."""
    sides = {"ours": folder, "duckdb": folder}
    turns = [
        {side: _run(side, where) for side, where in sides.items()} for _ in range(pairs)
    ]
    for table in (SESSIONS, DAILY_STATS):
        _check_same(folder, table)
    _print_turns(turns)
    _print_peak(folder, turns, "ours")


def _compare_growth(folder: Path, pairs: int) -> None:
    """Print our build of the events and of five times as many."""
    large = folder.with_name("large")
    _grow(folder, large)
    turns = [
        {"large": _run("ours", large), "small": _run("ours", folder)}
        for _ in range(pairs)
    ]
    _run("one day", large)
    for table in (SESSIONS, DAILY_STATS):
        _check_same(large, table)
    _print_turns(turns)
    _print_peak(large, turns, "large")


def _compare_touched(folder: Path, pairs: int) -> None:
    """Print a build after 1 % new events in one day, and the full one of the same."""
    touched = folder.with_name("touched")
    shutil.rmtree(touched, ignore_errors=True)
    shutil.copytree(folder / "warehouse", touched / "warehouse")
    warehouse = Warehouse(touched / "warehouse")
    events = warehouse.view(EVENTS).rows() // 100
    days = warehouse.view(EVENTS).days()
    _run("ours", touched)
    turns = []
    for number in range(pairs):
        fresh = _day(days[number % len(days)], events, salt=100 + number)
        warehouse.open(EVENTS).append(fresh)
        first = _run("touched", touched)
        before = _digests(warehouse)
        turns.append({"touched": first, "full": _run("ours", touched)})
        if before != _digests(warehouse):
            raise SystemExit("the build of what changed differs from a full one")
    shutil.rmtree(touched)
    _print_turns(turns)


def _print_turns(turns: Sequence[Mapping[str, Measured]]) -> None:
    """Print both sides, and the ratio of the first to the second."""
    first, second = turns[0]
    for name in (first, second):
        walls = [turn[name].wall_s for turn in turns]
        cpus = [turn[name].cpu_s for turn in turns]
        print(
            f"{name:<8} wall {_spread(walls, 2)} s, CPU {_spread(cpus, 2)} s,"
            f" peak {max(turn[name].peak_mb for turn in turns):.0f} MB"
        )
    for what, field in (("wall", 0), ("CPU", 1)):
        ratios = [turn[first][field] / turn[second][field] for turn in turns]
        print(f"{first}/{second} {what:<4} {_spread(ratios, 3)}, {len(turns)} pairs")


def _print_peak(
    folder: Path, turns: Sequence[Mapping[str, Measured]], side: str
) -> None:
    """Print what the job's peak is beside what the largest day may take."""
    view = Warehouse(folder / "warehouse").view(EVENTS)
    most = max(each.rows for each in view.files())
    peak = max(turn[side].peak_mb for turn in turns)
    print(
        f"{view.rows():,} events in {len(view.days())} days, at most {most:,} a day:"
        f" {peak:.0f} MB, over 150 MB {(peak - 150) * 1_000 / most:.2f} KB an event"
    )


def _spread(values: Sequence[float], digits: int) -> str:
    median = statistics.median(values)
    low, high = min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _fill(folder: Path, events: int, days: int) -> None:
    if not folder.exists():
        make_events(Warehouse(folder / "warehouse"), events, days)


def make_events(warehouse: Warehouse, events: int, days: int) -> None:
    """Write *days* of *events* each, as the load leaves them after compaction."""
    table = warehouse.open(EVENTS)
    for number in range(days):
        table.append(_day(FIRST_DAY + timedelta(days=number), events))


def _grow(small: Path, large: Path) -> None:
    """Write each day with its own events and those of the four days before it."""
    if large.exists():
        return
    source = Warehouse(small / "warehouse").view(EVENTS)
    table = Warehouse(large / "warehouse").open(EVENTS)
    days = source.days()
    for place, day in enumerate(days):
        before = [source.read([days[place - back]]) for back in range(5)]
        table.append(pl.concat(_moved(frame, day) for frame in before))


def _moved(events: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return *events* as if they had happened on *day*, at the same times of it."""
    moved = pl.col("at") + (pl.lit(day) - pl.col("day"))
    return events.with_columns(at=moved, day=pl.lit(day))


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


def _run(side: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.build", "--side", side]
    # As a command of Millpond allocates; Polars has set its own here.
    environment = {**os.environ}
    environment.pop(ALLOCATOR, None)
    configure_allocator(environment)
    printed = subprocess.run(
        [*command, "--folder", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        env=environment,
    )
    return Measured(*json.loads(printed.stdout))


def _measure(side: str, folder: Path) -> None:
    warehouse = Warehouse(folder / "warehouse")
    target = folder / "duckdb"
    if side == "ours":
        for table in (SESSIONS, DAILY_STATS):
            shutil.rmtree(warehouse.root / table.name, ignore_errors=True)
    if side in _DUCKDB_DAYS:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    if side in _DUCKDB_DAYS:
        _build_with_duckdb(warehouse, target, _DUCKDB_DAYS[side])
    else:
        build.build(warehouse, RULES, NOW_S)
    measured = Measured(
        wall_s=time.perf_counter() - wall_s,
        cpu_s=time.process_time() - cpu_s,
        peak_mb=_peak_bytes() / 1e6,
    )
    os.write(1, json.dumps(measured).encode())


def _peak_bytes() -> int:
    """Return the most memory this program had; a child's rusage has its parent's."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    raise SystemExit("this needs Linux")


def _build_with_duckdb(warehouse: Warehouse, target: Path, days: int | None) -> None:
    # Our side shall not pay for the other's memory.
    import duckdb  # noqa: PLC0415

    from benchmarks.duckdb_build import DuckDBBuild  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    build = DuckDBBuild(connection, SITES)
    files = {each.day: each.path for each in warehouse.view(EVENTS).files()}
    for day, path in sorted(files.items())[:days]:
        build.build(day, warehouse.root / EVENTS.name / path, target)


def _check_same(folder: Path, table: Table) -> None:
    """Stop if the two sides did not compute the same rows of the days DuckDB made."""
    files = sorted((folder / "duckdb").glob(f"{table.name}-*.parquet"))
    days = [date.fromisoformat(file.stem[-10:]) for file in files]
    stored = Warehouse(folder / "warehouse").view(table).scan(days)
    ours, theirs = (
        _comparable(stored, table),
        _comparable(pl.scan_parquet(files), table),
    )
    if ours != theirs:
        raise SystemExit(f"{table.name}: the two sides differ: {ours} {theirs}")


def _digests(warehouse: Warehouse) -> list[list[int]]:
    tables = (SESSIONS, DAILY_STATS)
    return [_comparable(warehouse.view(table).scan(), table) for table in tables]


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
