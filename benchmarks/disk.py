"""Bytes on the disk an event: in the spool, and in each table once files are merged.

The same on any machine: the events are made up, and nothing is timed.
"""

import argparse
import tempfile
from pathlib import Path

from batcher.load.load import load
from batcher.spool.spool import Spool
from benchmarks.load import _NOW_S, _fill
from config.settings import Settings, SiteSettings, SpoolSettings, WarehouseSettings
from warehouse.build import build, rules_of
from warehouse.lifecycle.compaction import compact_all
from warehouse.schema import DAILY_STATS, EVENTS, SESSIONS
from warehouse.tables import Warehouse


def main() -> None:
    """Load, build and merge one day of events, and print what each place holds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), asked.events)


def _measure(folder: Path, events: int) -> None:
    settings = Settings(
        spool=SpoolSettings(dir=str(folder / "spool")),
        warehouse=WarehouseSettings(uri=str(folder / "tables")),
        sites=(SiteSettings(id="shop", domains=("shop.example",)),),
    )
    _fill(folder / "spool", events)
    spooled = _size_bytes(folder / "spool")
    warehouse = Warehouse(folder / "tables")
    rows = load(Spool(folder / "spool"), warehouse, settings, _NOW_S).events
    build(warehouse, rules_of(settings), _NOW_S)
    compact_all(warehouse, _NOW_S)
    print(f"spool        {spooled / rows:6.1f} bytes an event")
    live = 0
    for table in (EVENTS, SESSIONS, DAILY_STATS):
        size = sum(file.size_bytes for file in warehouse.view(table).files())
        live += size
        print(f"{table.name:<12} {size / rows:6.1f}")
    replaced = _size_bytes(folder / "tables") - live
    print(f"replaced     {replaced / rows:6.1f}")


def _size_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
