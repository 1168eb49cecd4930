"""Delta Lake as ``warehouse.tables`` needs it; the only module that imports it.

What the library gets wrong for us on a local disk is answered here or in
``log_files``: it never fsyncs, checkpoints and cleans up behind the caller's back,
and quotes rows in its errors.
"""

import errno
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Schema,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, Transaction

from warehouse.delta import log_files
from warehouse.delta.data_files import DataFile
from warehouse.delta.log_changes import TouchedDays, days_by_site
from warehouse.delta.log_digests import (
    LOG,
    PREVIOUS,
    checkpoint_version,
    entry_path,
    file_digest,
)
from warehouse.dtypes import delta_fields, delta_schema
from warehouse.durable import sync_directory
from warehouse.schema import Table
from warehouse.table_errors import (
    ConflictError,
    DamagedTableError,
    StorageError,
    TableError,
    storage_error,
)

NO_VERSION = -1
CHECKPOINT_EVERY = 50
_NUMBER_DIGITS = 14
_MOST_ATTEMPTS = 20
_SECOND_MS = 1_000
_SYSTEM_ERROR = re.compile(r"\(os error (\d{1,3})\)")
_MILLISECOND_NS = 1_000_000
_CONFIGURATION: dict[str, str | None] = {
    # No column's least and greatest values in the log, whoever writes.
    "delta.dataSkippingStatsColumns": "",
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableChangeDataFeed": "false",
}
# The rows the table must hold, as the number of a transaction: every commit of ours
# that changes rows brings it up to date. Another program's commits do not.
_ROWS_APP = "rows"
# The library's own checkpoints and clean-up would come without an fsync.
_NO_HOOKS = PostCommitHookProperties(
    create_checkpoint=False, cleanup_expired_logs=False
)


@contextmanager
def delta_errors(doing: str, table: Table) -> Iterator[None]:
    """Turn the libraries' errors into ours; their texts quote rows, so none is kept."""
    try:
        yield
    except CommitFailedError:
        raise ConflictError(
            f"{doing} {table.name}: another writer changed the table first"
        ) from None
    except OSError as error:
        raise storage_error(f"{doing} {table.name}", error) from None
    except (DeltaError, pl.exceptions.PolarsError) as error:
        raise _unreadable(doing, table, error) from None
    except BaseException as error:
        # The libraries' own word for a fault of theirs; it is no ``Exception``.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(doing, table, error) from None


def _unreadable(doing: str, table: Table, error: BaseException) -> StorageError:
    # The text quotes rows, but for the number of the system's error that it may hold.
    found = _SYSTEM_ERROR.search(str(error))
    if found is not None:
        number = int(found[1])
        return storage_error(
            f"{doing} {table.name}", OSError(number, os.strerror(number))
        )
    return StorageError(
        f"{doing} {table.name}: {type(error).__name__}",
        hint=f"run `millpond warehouse verify`, which names the damaged files of"
        f' {table.name}; see docs/operations.md, "Damaged tables"',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What one commit changes."""

    added: Sequence[DataFile] = ()
    removed: Sequence[DataFile] = ()
    removed_at_s: float = 0
    transactions: Mapping[str, int] = field(default_factory=dict)
    touched: TouchedDays = field(default_factory=set)
    # False where the same rows lie in other files afterwards.
    changes_rows: bool = True


class DeltaFiles:
    """One version of a table on disk, or none yet, as Delta sees it."""

    def __init__(self, table: Table, path: Path) -> None:
        self._table = table
        self._path = path
        self._delta: DeltaTable | None = None
        self._files: list[DataFile] | None = None
        # The newest version whose log entry was looked at, and those before it.
        self._checked = NO_VERSION
        self.refresh()

    def refresh(self) -> None:
        """Move on to the newest version.

        Raises ``DamagedTableError`` where the log is not as it was written.
        """
        self._files = None
        try:
            with delta_errors("open", self._table):
                if self._delta is not None:
                    self._delta.update_incremental()
                else:
                    self._delta = _opened(self._path)
        except StorageError:
            newest = max(log_files.versions(self._path), default=NO_VERSION)
            self._check_log(newest)
            raise
        self._check_log(self.version)

    def _check_log(self, until: int) -> None:
        """Raise ``DamagedTableError`` where a log file up to *until* is damaged."""
        if until <= self._checked and until >= log_files.synced_version(self._path):
            return
        damaged = log_files.first_damaged(self._path, self._checked + 1, until)
        if damaged is not None:
            problem = "is damaged" if damaged.exists() else "is missing"
            raise DamagedTableError(f"open {self._table.name}", damaged, problem)
        self._checked = until

    @property
    def version(self) -> int:
        """Return the version seen, -1 while there is no table."""
        return NO_VERSION if self._delta is None else self._delta.version()

    def transaction_version(self, app: str) -> int | None:
        """Return the newest transaction number committed for *app*, if any."""
        return None if self._delta is None else self._delta.transaction_version(app)

    def add_missing_columns(self) -> frozenset[str]:
        """Add the columns an earlier version did not have, and return their names.

        Raises ``TableError`` where the columns differ in any other way.
        """
        added: set[str] = set()
        for _ in range(_MOST_ATTEMPTS):
            lacking = self._lacking_columns()
            if lacking is None or not lacking.issubset(self._table.added):
                raise TableError(
                    f"open {self._table.name}: its columns are not those of this"
                    " version",
                    hint="start the version that wrote it, or move the table away",
                )
            if not lacking:
                return frozenset(added)
            with suppress(ConflictError):
                self._add_columns(lacking)
                added |= lacking
            self.refresh()
        raise ConflictError(f"add columns to {self._table.name}: others come first")

    def _lacking_columns(self) -> frozenset[str] | None:
        """Return the row class's columns that the table has not; None if others differ.

        Their order may: an added column is the last one of an older table.
        """
        stored = _by_name(json.loads(self._writer.schema().to_json())["fields"])
        wanted = _by_name(delta_fields(self._table.row))
        known = all(wanted.get(name) == each for name, each in stored.items())
        return frozenset(wanted.keys() - stored.keys()) if known else None

    def _add_columns(self, names: Collection[str]) -> None:
        """Commit that the table has the columns *names* too, null in files so far."""
        fields = [
            Field.from_json(json.dumps(each))
            for each in delta_fields(self._table.row)
            if each["name"] in names
        ]
        with delta_errors("add columns to", self._table):
            self._writer.alter.add_columns(
                fields,
                commit_properties=self._properties(TableChange(), {}),
                post_commithook_properties=_NO_HOOKS,
            )
        self.refresh()
        log_files.sync_log(self._path, self.version)

    def files(self) -> list[DataFile]:
        """Return the version's files, ordered by day."""
        if self._files is None:
            self._files = [] if self._delta is None else _listed(self._delta)
        return self._files

    def commit(self, change: TableChange) -> None:
        """Write one log entry, and return once it and all before it are durable.

        It follows the version this object sees, or ``ConflictError`` is raised.
        """
        recorded = {**change.transactions, _ROWS_APP: self._rows_after(change)}
        self._writer.create_write_transaction(
            [
                *[_remove(each, change) for each in change.removed],
                *[_add(self._path, each, change) for each in change.added],
            ],
            mode="append",
            schema=Schema.from_json(delta_schema(self._table.row)),
            partition_by=list(self._table.partition_by),
            commit_properties=self._properties(change, recorded),
            post_commithook_properties=_NO_HOOKS,
        )
        self.refresh()
        log_files.sync_log(self._path, self.version)
        last = checkpoint_version(self._path) or 0
        if self.version - last >= CHECKPOINT_EVERY:
            self.checkpoint()

    def _properties(
        self, change: TableChange, transactions: Mapping[str, int]
    ) -> CommitProperties:
        return CommitProperties(
            custom_metadata={
                "touched": days_by_site(change.touched),
                PREVIOUS: file_digest(entry_path(self._path, self.version)),
            },
            # What the library takes for no conflict may be one: two compactions of
            # the same files are. With no retry it commits on the version seen or not
            # at all, and who comes second looks again.
            max_commit_retries=0,
            app_transactions=[Transaction(*each) for each in transactions.items()],
        )

    def entry_number(self, version: int) -> int | None:
        """Return a number that stands for the log entry of *version*, if it is there.

        It fits a transaction. Another history of the table gives another number.
        """
        digest = file_digest(entry_path(self._path, version))
        return None if digest is None else int(digest[:_NUMBER_DIGITS], 16)

    @property
    def recorded_rows(self) -> int | None:
        """Return how many rows the commits of ours made it; None if none says."""
        return self.transaction_version(_ROWS_APP)

    def _rows_after(self, change: TableChange) -> int:
        """Return how many rows there are to be once *change* is committed."""
        before = self.recorded_rows
        if before is None:
            before = sum(each.rows for each in self.files())
        added = sum(each.rows for each in change.added)
        removed = sum(each.rows for each in change.removed)
        if not change.changes_rows and added != removed:
            raise TableError(
                f"compact {self._table.name}: {removed} rows would become {added}",
                hint="run `millpond warehouse verify`",
            )
        return before + added - removed

    def checkpoint(self) -> None:
        """Write a durable checkpoint, so that opening need not read the whole log."""
        if checkpoint_version(self._path) == self.version:
            return
        with delta_errors("checkpoint", self._table):
            self._writer.create_checkpoint()
            log_files.sync_checkpoint(self._path, self.version)

    def clean_log(self) -> None:
        """Remove log entries past their retention that a checkpoint covers."""
        with delta_errors("clean the log of", self._table):
            self._writer.cleanup_metadata()
            sync_directory(self._path / LOG)

    @property
    def _writer(self) -> DeltaTable:
        if self._delta is None:
            raise TableError(f"write {self._table.name}: there is no such table")
        return self._delta


def create(table: Table, path: Path) -> None:
    """Create an empty table, unless another process just did."""
    with delta_errors("create", table):
        DeltaTable.create(
            path,
            schema=Schema.from_json(delta_schema(table.row)),
            mode="ignore",
            partition_by=list(table.partition_by),
            configuration=_CONFIGURATION,
            post_commithook_properties=_NO_HOOKS,
        )
        sync_directory(path)


def _opened(path: Path) -> DeltaTable | None:
    if not path.is_dir():
        if path.exists():
            number = errno.ENOTDIR
            raise NotADirectoryError(number, os.strerror(number), str(path))
        return None
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        return None


def _by_name(fields: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in fields}


def _listed(delta: DeltaTable) -> list[DataFile]:
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    if actions.is_empty():
        return []
    rows = actions.select("path", "partition.day", "num_records", "size_bytes").rows()
    return sorted((DataFile(*row) for row in rows), key=lambda each: each.day)


def _add(root: Path, file: DataFile, change: TableChange) -> AddAction:
    return AddAction(
        path=file.path,
        size=file.size_bytes,
        partition_values=_partition(file),
        modification_time=(root / file.path).stat().st_mtime_ns // _MILLISECOND_NS,
        data_change=change.changes_rows,
        stats=json.dumps({"numRecords": file.rows}),
    )


def _remove(file: DataFile, change: TableChange) -> RemoveAction:
    return RemoveAction(
        file.path,
        change.changes_rows,
        int(change.removed_at_s * _SECOND_MS),
        size=file.size_bytes,
        partition_values=_partition(file),
    )


def _partition(file: DataFile) -> dict[str, str | None]:
    return {"day": file.day.isoformat()}
