"""A whole installation on disk: tables of every kind, and segments to load."""

from datetime import timedelta
from pathlib import Path

import millpond
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import spool_events
from tests.warehouse.event_rows import DAY, event
from warehouse.lifecycle import ledger
from warehouse.schema import Drop, Event, Hash64
from warehouse.tables import Warehouse

KEYS = {"shop": bytes(range(32))}
CONFIG = """
[spool]
dir = "{root}/spool"
[warehouse]
uri = "{root}/warehouse"
keep_events_days = 0
keep_sessions_days = 0
[privacy]
key_dir = "{root}/keys"
salt_store = "{root}/salts"
[[sites]]
id = "shop"
domains = ["shop.example"]
"""


def make_installation(root: Path) -> None:
    """Create tables with checkpoints and old log entries, and a spool to load."""
    root.mkdir()
    (root / "millpond.toml").write_text(CONFIG.format(root=root))
    spool = Spool(root / "spool")
    warehouse = Warehouse(root / "warehouse")
    for number in range(3):
        spool_events(spool, _events(number), drops=[_drop(number)], keys=KEYS)
        run_command(root, ("batcher", "drain"))
        run_command(root, ("warehouse", "build"))
        if number == 1:
            run_command(root, ("warehouse", "compact"))
        ledger.append(warehouse, [ledger.NewEntry("test", f"entry {number}")], 0)
    # Two segments of one process that are not loaded yet.
    spool_events(spool, _events(3), drops=[_drop(3)], keys=KEYS)
    spool_events(spool, _events(4), _events(5), keys=KEYS)


def _events(number: int) -> list[Event]:
    return [
        event(
            day=DAY + timedelta(days=number % 2),
            seq=seq,
            visitor=Hash64(seq % 4),
            event_id=Hash64(number * 100 + seq),
            path=f"/{number}/{seq}",
        )
        for seq in range(20)
    ]


def _drop(number: int) -> Drop:
    return Drop(
        site="shop", day=DAY, hour=number, reason="bot", protocol="native", count=7
    )


def run_command(root: Path, command: tuple[str, ...]) -> int:
    """Run *command* with the configuration in *root*; return the exit code."""
    return millpond.run([*command, "--config", str(root / "millpond.toml")])
