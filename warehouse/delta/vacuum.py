"""Remove the files that no version of a table needs, such as erased or orphaned ones.

Delta's own vacuum ignores the temporary files of a killed writer (``*#1``). Without an
age limit, it would also remove the files of a commit that is being written.
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

    A file that a commit removed is deleted *removed_age_s* after that commit, because
    readers may still use the version before. Any other file was left by a crash. It is
    deleted after an hour, and only while no process of this machine writes to the
    table.
    """
    swept: list[str] = []
    with try_locked(table / WRITERS_LOCK) as has_no_writer:
        for path in _candidates(table, live):
            name = path.relative_to(table).as_posix()
            if name in removed_at:
                # An age of 0 must delete the file even if the two clocks disagree.
                is_due = not removed_age_s or now_s - removed_at[name] >= removed_age_s
            else:
                is_due = has_no_writer and _age_s(path, now_s) >= ORPHAN_AGE_S
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
