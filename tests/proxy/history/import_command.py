"""Runs the import command for one site and queries the stored tables."""

import subprocess
from pathlib import Path

from tests.delta_scan import delta_scan
from tests.processes import Installation

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
