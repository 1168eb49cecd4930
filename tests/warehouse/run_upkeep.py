"""A program for tests: append, replace, compact, vacuum and clean, like the jobs.

    python -m tests.warehouse.run_upkeep WAREHOUSE

It can be run again after a kill, and always ends in the same state.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from tests.warehouse.event_rows import DAY, event, frame
from warehouse.schema import EVENTS
from warehouse.tables import AlreadyCommittedError, StoredTable, Warehouse

NEXT_DAY = DAY + timedelta(days=1)


def main() -> None:
    """Run all steps."""
    table = Warehouse(Path(sys.argv[1])).open(EVENTS)
    for number in (1, 2):
        _append(table, number)
    table.replace_days([NEXT_DAY], [_rows(NEXT_DAY, 9)], now_s=0)
    table.compact(table.days(), now_s=0)
    table.vacuum(now_s=_time_after_commits(table), removed_age_s=0)
    table.clean_log()


def _append(table: StoredTable, number: int) -> None:
    try:
        table.append(_rows(DAY, number), transactions={"spool/lane": number})
    except AlreadyCommittedError:
        return


def _rows(day: date, number: int) -> pl.DataFrame:
    return frame([event(day=day, seq=number)])


def _time_after_commits(table: StoredTable) -> float:
    """Return a time just after the newest commit."""
    entries = table.path.glob("_delta_log/*.json")
    return max(path.stat().st_mtime for path in entries) + 1


if __name__ == "__main__":
    main()
