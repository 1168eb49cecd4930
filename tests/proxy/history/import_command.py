"""Runs the import command for one site and queries the stored tables."""

import signal
import subprocess
from pathlib import Path

from tests.delta_scan import delta_scan
from tests.processes import ROOT, Installation
from tests.waiting import wait_until

CONFIG = """\
[privacy]
salt_store = "data/salts"

[spool]
max_bytes = 1048576

[warehouse]
keep_events_days = 0

[[sites]]
id = "sem"
domains = ["semicomplete.com"]
"""


def run_import(
    installation: Installation, *files: Path | str, site: str = "sem"
) -> "subprocess.CompletedProcess[str]":
    names = map(str, files)
    return installation.run("import", "access-log", *names, "--site", site)


def query_rows(installation: Installation, query: str) -> list[tuple[object, ...]]:
    """Return the result of a DuckDB query; ``stored`` in it stands for the table."""
    name = "drops" if "reason" in query else "events"
    table = Path(installation.settings.warehouse.uri) / name
    return delta_scan(query.replace("stored", "delta_scan(?)"), table)


def is_killed_at(installation: Installation, groups: int, *words: str) -> bool:
    """Kill the import *words* once it has written *groups*; False if it had ended."""
    lane = Path(installation.settings.spool.dir) / "lanes" / "import"
    process = subprocess.Popen(
        installation.argv("import", *words),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or _segments(lane) >= groups,
            "the import to write",
            timeout_s=60,
        )
    finally:
        process.send_signal(signal.SIGKILL)
        killed = process.wait() == -signal.SIGKILL
    return killed


def _segments(lane: Path) -> int:
    """Return the number of the newest segment in the lane, 0 if there is none."""
    paths = lane.glob("0*") if lane.is_dir() else ()
    return max((int(path.stem.partition("-")[0]) for path in paths), default=0)
