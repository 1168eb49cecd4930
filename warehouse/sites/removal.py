"""Remove a site: its rows and their bytes in all tables, its key, and its progress.

Each step is durable before the next begins, and the state is in ``removed``. So a
removal that was killed is finished by the next call, and the ledger gets one entry with
everything that all calls removed.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from config.logs import log_event
from config.settings import Settings
from warehouse import build
from warehouse.durable import make_directory, sync_directory
from warehouse.key_commitment import commitment_files
from warehouse.keyed_hash import key_file
from warehouse.lifecycle import ledger
from warehouse.lifecycle.retention import erase
from warehouse.locks import locked
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.sites.removed import (
    SiteRemoval,
    import_progress,
    read_removal,
    write_removal,
)
from warehouse.sites.zones import forget_zone
from warehouse.tables import ConflictError, StoredTable, Warehouse

KIND = "site_removed"
# The commit of a removal records its number in this transaction. A planned number that
# is greater was not committed.
APP = "site removal"
_SITE_TABLES = (EVENTS, SESSIONS, DAILY_STATS, DROPS)
_MOST_ATTEMPTS = 20
_LOG = logging.getLogger(__name__)


class RemovedSite(msgspec.Struct, frozen=True):
    """What a removal removed: rows by table, and the names of files."""

    rows: dict[str, int]
    files: tuple[str, ...]

    def __bool__(self) -> bool:
        """Return whether anything was removed."""
        return bool(any(self.rows.values()) or self.files)


def stored_sites(warehouse: Warehouse) -> dict[str, int]:
    """Return the sites that have rows in any table, with the number of their rows."""
    counts: dict[str, int] = {}
    for table in _SITE_TABLES:
        view = warehouse.view(table)
        rows = view.collect(view.scan(columns=["site"]).group_by("site").len())
        for site, count in rows.iter_rows():
            counts[site] = counts.get(site, 0) + count
    return counts


def site_files(settings: Settings, site: str) -> list[Path]:
    """Return the existing files that belong to *site*: the key first."""
    key_dir, spool_dir = Path(settings.privacy.key_dir), Path(settings.spool.dir)
    paths = (
        key_file(key_dir, site),
        *commitment_files(key_dir, spool_dir, site),
        import_progress(spool_dir, site),
    )
    return [path for path in paths if path.exists()]


def remove_site(
    warehouse: Warehouse, settings: Settings, site: str, now_s: float
) -> RemovedSite:
    """Remove everything of *site*; return what this and killed calls removed.

    No load and no build runs meanwhile: one that read the site before could write it
    again.
    """
    root, spool_dir = warehouse.root, Path(settings.spool.dir)
    make_directory(root)
    make_directory(spool_dir)
    with ExitStack() as locks:
        for path in (
            root / "_site_removal.lock",
            spool_dir / "load.lock",
            root / build.LOCK,
        ):
            locks.enter_context(locked(path))
        removal = _begin(warehouse, site)
        for table in _SITE_TABLES:
            if warehouse.view(table).version >= 0:
                removal = _remove_rows(warehouse, table, removal, now_s)
                erase(warehouse, table, now_s)
        removal = _remove_files(root, site_files(settings, site), removal)
        removed = RemovedSite(dict(removal.rows), removal.files)
        if removed:
            _record(warehouse, removal, removed, now_s)
        write_removal(root, msgspec.structs.replace(removal, is_ended=True))
    log_event(_LOG, "site_removed", site=site, rows=sum(removed.rows.values()))
    return removed


def _begin(warehouse: Warehouse, site: str) -> SiteRemoval:
    """Return the state of a killed removal, or the state of a new one."""
    removal = read_removal(warehouse.root, site)
    if removal is None or removal.is_ended:
        removal = SiteRemoval(site, ledger.count_of(warehouse))
        write_removal(warehouse.root, removal)
    return removal


def _remove_rows(
    warehouse: Warehouse, table: Table, removal: SiteRemoval, now_s: float
) -> SiteRemoval:
    removal = _confirm(warehouse, table, removal)
    for _ in range(_MOST_ATTEMPTS):
        stored = warehouse.open(table)
        counts = _rows_by_day(stored, removal.site)
        if not counts:
            return removal
        number = (stored.transaction_version(APP) or 0) + 1
        planned = {**removal.planned, table.name: (number, sum(counts.values()))}
        removal = msgspec.structs.replace(removal, planned=planned)
        write_removal(warehouse.root, removal)
        with suppress(ConflictError):
            stored.replace_days(
                counts,
                _other_rows(stored, counts, removal.site),
                now_s=now_s,
                transactions={APP: number},
            )
            return _confirm(warehouse, table, removal)
    raise ConflictError(
        f"remove the site from {table.name}: other writers keep committing first"
    )


def _confirm(warehouse: Warehouse, table: Table, removal: SiteRemoval) -> SiteRemoval:
    """Count the planned rows of *table* as removed if their commit was made."""
    planned = dict(removal.planned)
    number, count = planned.pop(table.name, (0, 0))
    rows = dict(removal.rows)
    if number and (warehouse.view(table).transaction_version(APP) or 0) >= number:
        rows[table.name] = rows.get(table.name, 0) + count
    return msgspec.structs.replace(removal, planned=planned, rows=rows)


def _rows_by_day(stored: StoredTable, site: str) -> dict[date, int]:
    rows = stored.scan(columns=["site", "day"]).filter(pl.col("site") == site)
    return dict(stored.collect(rows.group_by("day").len().sort("day")).iter_rows())


def _other_rows(
    stored: StoredTable, days: Mapping[date, int], site: str
) -> Iterator[pl.DataFrame]:
    for day in days:
        yield stored.collect(stored.scan([day]).filter(pl.col("site") != site))


def _remove_files(root: Path, paths: list[Path], removal: SiteRemoval) -> SiteRemoval:
    # Written first, so that a killed removal knows which files were there.
    names = sorted({*removal.files, *(path.name for path in paths)})
    removal = msgspec.structs.replace(removal, files=tuple(names))
    forget_zone(root, removal.site)
    write_removal(root, removal)
    for path in paths:
        _shred(path)
    return removal


def _shred(path: Path) -> None:
    """Overwrite the file in place, then remove it, both durably."""
    with path.open("r+b", buffering=0) as file:
        file.write(bytes(path.stat().st_size))
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)


def _record(
    warehouse: Warehouse, removal: SiteRemoval, removed: RemovedSite, now_s: float
) -> None:
    """Record the removal in the ledger, unless a killed call has recorded it."""
    detail: dict[str, ledger.Fact] = {
        "rows": dict(removed.rows),
        "files": list(removed.files),
    }
    view = warehouse.view(LEDGER)
    if (view.transaction_version(ledger.APP) or 0) > removal.ledger_count:
        rows = view.read(columns=["number", "kind", "subject"]).filter(
            pl.col("number") >= removal.ledger_count,
            pl.col("kind") == KIND,
            pl.col("subject") == removal.site,
        )
        if rows.height:
            return
    ledger.append(warehouse, [ledger.NewEntry(KIND, removal.site, detail)], now_s)
