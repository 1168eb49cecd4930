"""Remove files no version of a table refers to: what erasure and crashes leave behind.

Delta's own vacuum ignores the temporary names a killed writer leaves (``*#1``), and
with no age limit it would take the files of a commit that is just being written.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from warehouse.delta.log_digests import CHECKPOINT, LOG, SETTLED
from warehouse.durable import sync_directory
from warehouse.locks import try_locked

WRITERS_LOCK = "_writers.lock"
ORPHAN_AGE_S = 3_600
_KEPT_IN_TABLE = re.compile(rf"{SETTLED}|{CHECKPOINT}|_\w+\.lock")
_KEPT_IN_LOG = re.compile(r"\d{20}\.([\w-]+\.)*(json|parquet)|_last_checkpoint")


def sweep(
    table: Path,
    *,
    live: Collection[str],
    removed_at: Mapping[str, float],
    now_s: float,
    removed_age_s: float,
) -> list[str]:
    """Remove the files that are not *live*, and return their relative paths.

    Files a commit removed go once *removed_age_s* old: readers may still hold the
    version before. Any other, left by a crash, goes after an hour, and only while no
    process on this machine writes to the table.
    """
    swept: list[str] = []
    with try_locked(table / WRITERS_LOCK) as quiet:
        for path in _candidates(table, live):
            name = path.relative_to(table).as_posix()
            if name in removed_at:
                # At once means at once, whatever the two clocks make of it.
                is_due = not removed_age_s or now_s - removed_at[name] >= removed_age_s
            else:
                is_due = quiet and _age_s(path, now_s) >= ORPHAN_AGE_S
            if is_due:
                path.unlink(missing_ok=True)
                swept.append(name)
    for directory in {(table / name).parent for name in swept}:
        sync_directory(directory)
    return swept


def _age_s(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _candidates(table: Path, live: Collection[str]) -> Iterator[Path]:
    for directory, _, names in os.walk(table):
        here = Path(directory)
        for name in names:
            path = here / name
            if here == table and _KEPT_IN_TABLE.fullmatch(name):
                continue
            if here == table / LOG and _KEPT_IN_LOG.fullmatch(name):
                continue
            if path.relative_to(table).as_posix() not in live:
                yield path
