"""Spool to committed table: rows per second on one core, and bytes for each event.

The other side of the comparison is a limit: Polars reads the same JSON lines and writes
the same columns as Parquet, without checksums, duplicate checks, sorting or commits.
Each side runs in its own process, in turn, and is measured by its CPU seconds.
"""

import argparse
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from batcher.load.load import load
from batcher.spool.lane import Lane
from batcher.spool.segment import read_frames
from batcher.spool.spool import Spool
from benchmarks.workload import Workload, day_of_events
from config.settings import Settings, SiteSettings, SpoolSettings, WarehouseSettings
from warehouse.dtypes import spool_schema
from warehouse.schema import EVENTS, Event
from warehouse.tables import Warehouse

DAY = date(2026, 11, 2)
_GROUP = 50
_NOW_S = 1_793_700_000.0


def main() -> None:
    """Prepare one spool, then measure both sides in turn."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--side", choices=("millpond", "limit"))
    options.add_argument("--folder", type=Path)
    arguments = options.parse_args()
    if arguments.side:
        _measure(arguments.side, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder) / "spool", arguments.events)
        _compare(Path(folder), arguments.pairs)


def _fill(directory: Path, events: int) -> None:
    """Write a day of events in groups of fifty, as a proxy does."""
    settings = SpoolSettings(dir=str(directory), max_bytes=1 << 40)
    lane = Lane.open(Spool(directory), "worker-0", settings)
    rows = day_of_events(Workload(events=events), DAY)
    lines = _json_lines(rows)
    for start in range(0, len(lines), _GROUP):
        lane.commit(lines[start : start + _GROUP], [])
    lane.close()


def _json_lines(rows: pl.DataFrame) -> list[bytes]:
    seconds = rows.with_columns(pl.col("at").dt.epoch("s"))
    encode = msgspec.json.Encoder().encode
    return [
        encode(msgspec.convert(row, Event, strict=False))
        for row in seconds.sort("at").iter_rows(named=True)
    ]


def _compare(folder: Path, pairs: int) -> None:
    millpond, limit = [], []
    for _ in range(pairs):
        millpond.append(_run("millpond", folder))
        limit.append(_run("limit", folder))
        if millpond[-1]["rows"] != limit[-1]["rows"]:
            raise SystemExit("the two sides read different numbers of rows")
    ratios = [a["cpu_s"] / b["cpu_s"] for a, b in zip(millpond, limit, strict=True)]
    limit_rates = [run["rows"] / run["cpu_s"] for run in limit]
    rates = [run["rows"] / run["cpu_s"] for run in millpond]
    first = millpond[0]
    print(
        f"millpond  {statistics.median(rates):10,.0f} rows/s on one core"
        f" ({min(rates):,.0f} to {max(rates):,.0f}),"
        f" peak {max(run['peak_mb'] for run in millpond):.0f} MB\n"
        f"limit     {statistics.median(limit_rates):10,.0f} rows/s on one core\n"
        f"CPU of Millpond / CPU of the limit: median {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f})\n"
        f"bytes for each event: {first['stored_bytes'] / first['rows']:.1f} stored,"
        f" {first['spool_bytes'] / first['rows']:.0f} in the spool"
    )


def _run(side: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", "--side", side]
    process = subprocess.run(
        [*command, "--folder", str(folder)], check=True, stdout=subprocess.PIPE
    )
    result: dict[str, float] = json.loads(process.stdout)
    return result


def _measure(side: str, folder: Path) -> None:
    copy = folder / "copy"
    shutil.copytree(folder / "spool", copy)
    run = _load_with_millpond if side == "millpond" else _load_with_polars
    rows, cpu_s, stored = run(copy, folder / "tables")
    result = {
        "rows": rows,
        "cpu_s": cpu_s,
        "stored_bytes": stored,
        "spool_bytes": sum(
            segment.stat().st_size for segment in (folder / "spool").rglob("*.segment")
        ),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }
    shutil.rmtree(copy)
    shutil.rmtree(folder / "tables", ignore_errors=True)
    os.write(1, json.dumps(result).encode())


def _load_with_millpond(spool: Path, tables: Path) -> tuple[int, float, int]:
    """Return the number of rows, the CPU seconds and the stored bytes."""
    settings = Settings(
        spool=SpoolSettings(dir=str(spool)),
        warehouse=WarehouseSettings(uri=str(tables)),
        sites=(SiteSettings(id="shop", domains=("shop.example",)),),
    )
    started = time.process_time()
    warehouse = Warehouse(tables)
    loaded = load(Spool(spool), warehouse, settings, _NOW_S)
    cpu_s = time.process_time() - started
    # The bytes are counted after the compaction that the batcher runs every night.
    warehouse.open(EVENTS).compact([DAY], now_s=_NOW_S)
    files = warehouse.view(EVENTS).files()
    return loaded.events, cpu_s, sum(file.size_bytes for file in files)


def _load_with_polars(spool: Path, tables: Path) -> tuple[int, float, int]:
    """Return the number of rows, the CPU seconds and the stored bytes."""
    started = time.process_time()
    payload = b"\n".join(
        frame.payload
        for segment in sorted(spool.rglob("*.segment"))
        for frame in read_frames(segment.read_bytes()).frames
    )
    frame = pl.read_ndjson(io.BytesIO(payload), schema=spool_schema(Event))
    tables.mkdir()
    target = tables / "limit.parquet"
    frame.write_parquet(target, compression="zstd", compression_level=3)
    return frame.height, time.process_time() - started, target.stat().st_size


if __name__ == "__main__":
    main()
