"""Compare every byte of the tables with what was written: logs, files, rows, ledger."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from config.errors import MillpondError
from warehouse.delta.data_files import DataFile
from warehouse.delta.file_checks import damage
from warehouse.delta.log_digests import damaged_versions, entry_path
from warehouse.delta.log_files import versions
from warehouse.frames import collect
from warehouse.lifecycle import ledger
from warehouse.lifecycle.row_account import count_findings, repeat_findings
from warehouse.schema import EVENTS, LEDGER, TABLES, Table
from warehouse.tables import DamagedTableError, TableView, Warehouse


class TableDamage(msgspec.Struct, frozen=True):
    """Damage in a table; *file* is None if the damage is not in one file."""

    table: str
    problem: str
    file: str | None = None


class VerifyResult(msgspec.Struct, frozen=True):
    """The number of checked tables, files and bytes, and all damage."""

    tables: int
    files: int
    size_bytes: int
    damage: list[TableDamage]


def verify(warehouse: Warehouse) -> VerifyResult:
    """Read every file of every table, and return all damage."""
    tables = files = size_bytes = 0
    findings: list[TableDamage] = []
    for table in TABLES:
        try:
            view = warehouse.view(table)
        except MillpondError as error:
            findings.append(_open_damage(warehouse, table, error))
            continue
        tables += view.version >= 0
        files += len(view.files())
        size_bytes += view.size_bytes()
        findings += _log_damage(view)
        file_findings = list(_file_damage(view))
        # Rows can be counted only if every file can be read.
        findings += file_findings or _row_damage(view)
    return VerifyResult(tables, files, size_bytes, findings)


def _open_damage(
    warehouse: Warehouse, table: Table, error: MillpondError
) -> TableDamage:
    if isinstance(error, DamagedTableError):
        directory = warehouse.root / table.name
        file = error.path.relative_to(directory).as_posix()
        return TableDamage(table.name, "is damaged or missing", file)
    return TableDamage(table.name, error.message)


def _log_damage(view: TableView) -> Iterator[TableDamage]:
    """Yield damaged old log entries; opening the table has checked the newer ones."""
    present = versions(view.path)
    gaps = set(range(present[0], present[-1] + 1)) - set(present) if present else set()
    first = max(gaps, default=present[0] - 1 if present else -1) + 1
    for version in damaged_versions(view.path, first, view.version):
        path = entry_path(view.path, version)
        yield TableDamage(view.table.name, "is damaged", _name(view, path))


def _file_damage(view: TableView) -> Iterator[TableDamage]:
    for file in view.files():
        problem = damage(view.path, file) or _count_damage(view.path, file)
        if problem is not None:
            yield TableDamage(view.table.name, problem, file.path)


def _count_damage(root: Path, file: DataFile) -> str | None:
    """Return the problem if an undamaged file has another row count than its log."""
    rows = pl.scan_parquet(root / file.path, glob=False).select(pl.len())
    try:
        stored = int(collect(rows).item())
    except (OSError, pl.exceptions.PolarsError):
        return "cannot be read as Parquet"
    if stored == file.rows:
        return None
    return f"holds {stored} rows, the log says {file.rows}"


def _row_damage(view: TableView) -> Iterator[TableDamage]:
    findings = count_findings(view)
    if view.table == EVENTS:
        findings += repeat_findings(view, view.days())
    for finding in findings:
        when = "" if finding.day is None else f"{finding.day} "
        yield TableDamage(finding.table, f"{when}{finding.problem}")
    if view.table == LEDGER:
        count = view.transaction_version(ledger.APP) or 0
        for link in ledger.verify(view.read(), count=count):
            yield TableDamage(LEDGER.name, f"entry {link.number}: {link.problem}")


def _name(view: TableView, path: Path) -> str:
    return path.relative_to(view.path).as_posix()
