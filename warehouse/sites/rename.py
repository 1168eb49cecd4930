"""Rename sites in the stored rows, so that every reader sees one name.

The load calls this before its first batch, and gives later rows the new name itself. A
killed rename is finished by the next load, because it renames what is left.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date

import polars as pl

from config.logs import log_event
from warehouse import build
from warehouse.dtypes import polars_schema
from warehouse.lifecycle import ledger
from warehouse.locks import locked
from warehouse.schema import (
    DAILY_STATS,
    DERIVED,
    DROPS,
    EVENTS,
    LEDGER,
    SESSIONS,
    Table,
)
from warehouse.sites.renamed import is_renamed, note_renamed
from warehouse.tables import ConflictError, StoredTable, Warehouse

KIND = "site_renamed"
_SITE_TABLES = (EVENTS, SESSIONS, DAILY_STATS, DROPS)
# Rows of one day that get the same key under the new name are added up.
_ADDED_UP = (DAILY_STATS, DROPS)
_MOST_ATTEMPTS = 20
_LOG = logging.getLogger(__name__)


def rename_sites(
    warehouse: Warehouse, renames: Mapping[str, str], now_s: float
) -> None:
    """Give the stored rows of each former site in *renames* the present name.

    Figures of days that have events are left to the next build, which derives them
    from the renamed events.
    """
    if is_renamed(warehouse.root, renames):
        return
    with locked(warehouse.root / build.LOCK):
        found: set[str] = set()
        for table in _SITE_TABLES:
            if warehouse.view(table).version >= 0:
                found |= _rename(warehouse, table, renames, now_s)
        _record(warehouse, {name: renames[name] for name in found}, now_s)
        note_renamed(warehouse.root, renames)


def renamed(rows: pl.DataFrame, renames: Mapping[str, str]) -> pl.DataFrame:
    """Return *rows* with the present names of their sites."""
    if not renames:
        return rows
    return rows.with_columns(pl.col("site").replace(dict(renames)))


def _rename(
    warehouse: Warehouse, table: Table, renames: Mapping[str, str], now_s: float
) -> set[str]:
    """Rename the rows of *table*; return the former names that it had."""
    for _ in range(_MOST_ATTEMPTS):
        stored = warehouse.open(table)
        left_out = warehouse.view(EVENTS).days() if table in DERIVED else []
        found = _former(stored, renames)
        days = sorted({day for _, day in found} - set(left_out))
        if not days:
            return {site for site, _ in found}
        with suppress(ConflictError):
            stored.replace_days(days, _frames(stored, days, renames), now_s=now_s)
            log_event(_LOG, "site_renamed", table=table.name, days=len(days))
            return {site for site, _ in found}
    raise ConflictError(f"rename sites in {table.name}: other writers commit first")


def _former(stored: StoredTable, renames: Mapping[str, str]) -> set[tuple[str, date]]:
    pairs = stored.scan(columns=["site", "day"])
    former = pairs.filter(pl.col("site").is_in(sorted(renames))).unique()
    return set(stored.collect(former).rows())


def _frames(
    stored: StoredTable, days: Collection[date], renames: Mapping[str, str]
) -> Iterator[pl.DataFrame]:
    for day in days:
        rows = renamed(stored.read([day]), renames)
        key = [*stored.table.key]
        if stored.table in _ADDED_UP and rows.select(key).is_duplicated().any():
            rows = rows.group_by(key).agg(pl.exclude(key).sum())
            rows = rows.select(polars_schema(stored.table).names())
        yield rows


def _record(warehouse: Warehouse, renames: Mapping[str, str], now_s: float) -> None:
    """Record each rename in the ledger, unless a killed call has recorded it."""
    if not renames:
        return
    rows = warehouse.view(LEDGER).read(columns=["number", "kind", "subject", "detail"])
    last: dict[str, str] = {}
    for new, detail in (
        rows.filter(pl.col("kind") == KIND)
        .sort("number")
        .select("subject", "detail")
        .iter_rows()
    ):
        former = json.loads(detail)["from"]
        last.pop(new, None)
        last[former] = new
    entries = [
        ledger.NewEntry(KIND, new, {"from": former})
        for former, new in sorted(renames.items())
        if last.get(former) != new
    ]
    ledger.append(warehouse, entries, now_s)
