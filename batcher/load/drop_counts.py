"""Drop counts into their table, after the events of the same load, exactly once.

The drops table may be damaged while the events table is not. Then plans wait beside
the spool, with numbers. They are finished in this order once the table can be written
again.
"""

import logging
import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from batcher.load.load_plan import LoadPlan
from batcher.spool.spool import Spool
from config.errors import MillpondError
from config.logs import log_event
from warehouse.checked_file import DamagedFileError, read_checked
from warehouse.dtypes import polars_schema
from warehouse.durable import remove_durable, sync_directory
from warehouse.schema import DROPS, Drop
from warehouse.tables import (
    AlreadyCommittedError,
    ConflictError,
    StoredTable,
    Warehouse,
)
from warehouse.unknown_sites import (
    DAYS,
    UNKNOWN_SITE,
    UNKNOWN_SITE_ID,
    UnknownHits,
    unknown_hits_path,
    write_unknown_hits,
)

_LOGGER = logging.getLogger(__name__)
_MOST_ATTEMPTS = 10
_WAITING = re.compile(r"load-drops-(\d{10})\.json")


class DropCounts:
    """Commits the drop counts of one spool."""

    def __init__(self, spool: Spool, warehouse: Warehouse) -> None:
        self._spool = spool
        self._table = _open_drops(warehouse)

    def waiting(self) -> list[Path]:
        """Return the plans whose drop counts are not in the table yet, oldest first."""
        paths = self._spool.directory.iterdir()
        return sorted(path for path in paths if _WAITING.fullmatch(path.name))

    def finish_waiting(self) -> None:
        """Commit the plans that wait; stop when the table cannot be written."""
        for path in self.waiting():
            try:
                plan = read_checked(path, LoadPlan)
            except DamagedFileError as error:
                report_damaged_plan(self._spool, path, error)
                continue
            if not self._try_commit(plan):
                return
            remove_durable(path)

    def commit(self, plan: LoadPlan) -> bool:
        """Commit the drop counts of *plan*; return False if they must wait."""
        if not plan.drops:
            return True
        # Waiting plans go first: the table only records the highest sequence.
        return not self.waiting() and self._try_commit(plan)

    def set_waiting(self, path: Path) -> None:
        """Put the plan at *path* behind all plans that wait."""
        last = max((_number(waiting) for waiting in self.waiting()), default=0)
        path.rename(path.with_name(f"load-drops-{last + 1:010}.json"))
        sync_directory(path.parent)

    def _try_commit(self, plan: LoadPlan) -> bool:
        if self._table is None:
            return False
        try:
            _commit(self._table, plan)
        except (MillpondError, OSError) as error:
            _log_not_stored(error)
            return False
        if any(drop.reason == UNKNOWN_SITE for drop in plan.drops):
            self._note_unknown(self._table, max(drop.day for drop in plan.drops))
        return True

    def _note_unknown(self, table: StoredTable, last: date) -> None:
        """Write down how many hits named no site, for the doctor of the proxy."""
        path = unknown_hits_path(self._spool.directory)
        try:
            write_unknown_hits(path, _unknown_hits(table, last))
        except (MillpondError, OSError) as error:
            level = logging.WARNING
            log_event(_LOGGER, "unknown_sites_not_noted", level=level, error=error)


def _open_drops(warehouse: Warehouse) -> StoredTable | None:
    try:
        return warehouse.open(DROPS)
    except (MillpondError, OSError) as error:
        _log_not_stored(error)
        return None


def _log_not_stored(error: Exception) -> None:
    level = logging.ERROR
    log_event(_LOGGER, "drops_not_stored", level=level, error=error, table=DROPS.name)


def _commit(table: StoredTable, plan: LoadPlan) -> None:
    frame = _frame(plan.drops)
    for _ in range(_MOST_ATTEMPTS):
        # Another spool may hold a copy of a segment, and its plan may have recorded
        # some of these frames already. The other frames show what this plan must do.
        unrecorded = {
            app: number
            for app, number in plan.entry.transactions.items()
            if (table.transaction_version(app) or 0) < number
        }
        if not unrecorded:
            table.sync_log()
            return
        try:
            table.append(frame, transactions=unrecorded)
        except (AlreadyCommittedError, ConflictError):
            table.refresh()
        else:
            return
    raise ConflictError("load the spool: the drops table changes too often")


def _unknown_hits(table: StoredTable, last: date) -> UnknownHits:
    """Return the counts of the days up to *last*, from the table: each hit once."""
    days = [last - timedelta(back) for back in range(DAYS)]
    is_unknown = (pl.col("site") == UNKNOWN_SITE_ID) & (
        pl.col("reason") == UNKNOWN_SITE
    )
    columns = ["site", "day", "reason", "protocol", "count"]
    rows = table.collect(
        table.scan(days, columns)
        .filter(is_unknown)
        .group_by("day", "protocol")
        .agg(pl.col("count").sum())
        .sort("day", "protocol")
    )
    hits: dict[date, dict[str, int]] = {}
    for day, protocol, count in rows.iter_rows():
        hits.setdefault(day, {})[protocol] = count
    return hits


def _frame(drops: list[Drop]) -> pl.DataFrame:
    names = polars_schema(DROPS).names()
    rows = [tuple(getattr(drop, name) for name in names) for drop in drops]
    return pl.DataFrame(rows, schema=polars_schema(DROPS), orient="row")


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def report_damaged_plan(spool: Spool, path: Path, error: DamagedFileError) -> None:
    """Set the damaged plan at *path* aside, and log it."""
    moved = spool.quarantine.add_file(path)
    log_event(
        _LOGGER,
        "load_plan_damaged",
        level=logging.ERROR,
        error=error,
        file=moved.name,
    )
