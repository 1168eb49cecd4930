"""Events to ``sessions`` and ``daily_stats``: the build of Millpond and DuckDB SQL.

Both sides read the same Parquet files, one day at a time, and write the same rows and
columns to Parquet files. Millpond also syncs every file and commits to Delta. Each side
runs in its own process, in turn, and the rows of both sides are compared.

``--grow`` measures the build of Millpond with five times the events for each day, and
compares one of those days with DuckDB. ``--touch-one-day`` measures a build after 1 %
new events in one day and a full build, and compares their rows.
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
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.events import SITES, grow_events, make_day, make_events
from config.memory import ALLOCATOR, configure_allocator
from warehouse import build
from warehouse.dtypes import polars_schema
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS, Table
from warehouse.tables import Warehouse

NOW_S = 1_798_800_000.0
RULES = build.Rules(
    currencies={site: currency for site, (currency, _) in SITES.items()},
    zones={site: zone for site, (_, zone) in SITES.items()},
    value_limit=10_000,
)
# The number of days that DuckDB builds; one day is enough for a comparison of rows.
_DUCKDB_DAYS = {"duckdb": None, "one day": 1}


class Measured(NamedTuple):
    """The time and memory of one run of one side."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    """Make the events, then measure both sides in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--grow", action="store_true")
    options.add_argument("--touch-one-day", action="store_true")
    options.add_argument("--folder", type=Path, help="keep the events in this folder")
    options.add_argument("--side", choices=("millpond", "touched", "duckdb", "one day"))
    arguments = options.parse_args()
    if arguments.side:
        _measure(arguments.side, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)) / "small"
        _fill(folder, arguments.events // arguments.days, arguments.days)
        if arguments.grow:
            _compare_growth(folder, arguments.pairs)
        elif arguments.touch_one_day:
            _compare_touched(folder, arguments.pairs)
        else:
            _compare(folder, arguments.pairs)


def _compare(folder: Path, pairs: int) -> None:
    """Print the build of Millpond and of DuckDB for the same events."""
    turns = [
        {side: _run(side, folder) for side in ("millpond", "duckdb")}
        for _ in range(pairs)
    ]
    for table in (SESSIONS, DAILY_STATS):
        _check_same(folder, table)
    _print_turns(turns)
    _print_peak(folder, turns, "millpond")


def _compare_growth(folder: Path, pairs: int) -> None:
    """Print the build of the events and of five times as many events."""
    large = folder.with_name("large")
    grow_events(folder, large)
    turns = [
        {"large": _run("millpond", large), "small": _run("millpond", folder)}
        for _ in range(pairs)
    ]
    _run("one day", large)
    for table in (SESSIONS, DAILY_STATS):
        _check_same(large, table)
    _print_turns(turns)
    _print_peak(large, turns, "large")


def _compare_touched(folder: Path, pairs: int) -> None:
    """Print a build after 1 % new events in one day, and a full build."""
    touched = folder.with_name("touched")
    shutil.rmtree(touched, ignore_errors=True)
    shutil.copytree(folder / "warehouse", touched / "warehouse")
    warehouse = Warehouse(touched / "warehouse")
    events = warehouse.view(EVENTS).rows() // 100
    days = warehouse.view(EVENTS).days()
    _run("millpond", touched)
    turns = []
    for number in range(pairs):
        new = make_day(days[number % len(days)], events, seed=100 + number)
        warehouse.open(EVENTS).append(new)
        partial = _run("touched", touched)
        partial_digests = _digests(warehouse)
        turns.append({"touched": partial, "full": _run("millpond", touched)})
        if partial_digests != _digests(warehouse):
            raise SystemExit("the build of the changed day differs from a full build")
    shutil.rmtree(touched)
    _print_turns(turns)


def _print_turns(turns: Sequence[Mapping[str, Measured]]) -> None:
    """Print both sides, and the ratio of the first side to the second."""
    first, second = turns[0]
    for name in (first, second):
        walls = [turn[name].wall_s for turn in turns]
        cpus = [turn[name].cpu_s for turn in turns]
        print(
            f"{name:<8} wall {_spread(walls, 2)} s, CPU {_spread(cpus, 2)} s,"
            f" peak {max(turn[name].peak_mb for turn in turns):.0f} MB"
        )
    for label, field in (("wall", 0), ("CPU", 1)):
        ratios = [turn[first][field] / turn[second][field] for turn in turns]
        print(f"{first}/{second} {label:<4} {_spread(ratios, 3)}, {len(turns)} pairs")


def _print_peak(
    folder: Path, turns: Sequence[Mapping[str, Measured]], side: str
) -> None:
    """Print the peak memory, and the memory for each event of the largest day."""
    view = Warehouse(folder / "warehouse").view(EVENTS)
    most = max(file.rows for file in view.files())
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


def _run(side: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.build", "--side", side]
    # Use the allocator settings of a Millpond command; Polars has set its own here.
    environment = {**os.environ}
    environment.pop(ALLOCATOR, None)
    configure_allocator(environment)
    process = subprocess.run(
        [*command, "--folder", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        env=environment,
    )
    return Measured(*json.loads(process.stdout))


def _measure(side: str, folder: Path) -> None:
    warehouse = Warehouse(folder / "warehouse")
    target = folder / "duckdb"
    if side == "millpond":
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
    """Return the peak memory of this process; ``rusage`` would include its parent's."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    raise SystemExit("this benchmark needs Linux")


def _build_with_duckdb(warehouse: Warehouse, target: Path, days: int | None) -> None:
    # Import here, so that the memory of Millpond does not include that of DuckDB.
    import duckdb  # noqa: PLC0415

    from benchmarks.duckdb_build import DuckDBBuild  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": os.cpu_count() or 1})
    duckdb_build = DuckDBBuild(connection, SITES)
    files = {file.day: file.path for file in warehouse.view(EVENTS).files()}
    for day, path in sorted(files.items())[:days]:
        duckdb_build.build(day, warehouse.root / EVENTS.name / path, target)


def _check_same(folder: Path, table: Table) -> None:
    """Stop if the two sides have different rows for the days that DuckDB built."""
    files = sorted((folder / "duckdb").glob(f"{table.name}-*.parquet"))
    days = [date.fromisoformat(file.stem[-10:]) for file in files]
    stored = Warehouse(folder / "warehouse").view(table).scan(days)
    millpond = _digest(stored, table)
    duckdb = _digest(pl.scan_parquet(files), table)
    if millpond != duckdb:
        raise SystemExit(f"{table.name}: the two sides differ: {millpond} {duckdb}")


def _digests(warehouse: Warehouse) -> list[list[int]]:
    tables = (SESSIONS, DAILY_STATS)
    return [_digest(warehouse.view(table).scan(), table) for table in tables]


def _digest(rows: pl.LazyFrame, table: Table) -> list[int]:
    """Return a digest of all columns but the session id, which may differ by design."""
    schema = {
        name: dtype for name, dtype in polars_schema(table).items() if name != "session"
    }
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.items()]
    row = pl.struct(columns).hash(seed=1)
    digest = rows.select(row=row, total=pl.len()).select(
        pl.len(), pl.col("row").sum(), (pl.col("row") // 2**32).sum().alias("high")
    )
    return list(digest.collect().row(0))


if __name__ == "__main__":
    main()
