"""One version of a Delta table: its files, its commits, its columns.

The only module that imports ``deltalake``. On a local disk that library never fsyncs,
writes checkpoints and cleans up without being asked, and quotes rows in its errors.
This module and ``log_files`` correct all three.
"""

import errno
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

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
from warehouse.delta.log_changes import days_by_site
from warehouse.delta.log_digests import (
    LOG,
    PREVIOUS,
    checkpoint_version,
    entry_path,
    file_digest,
)
from warehouse.delta.missing_columns import missing_columns
from warehouse.delta.table_change import TableChange, rows_after
from warehouse.dtypes import delta_fields, delta_schema
from warehouse.durable import sync_directory
from warehouse.schema import Table
from warehouse.table_errors import (
    ConflictError,
    DamagedTableError,
    StorageError,
    TableError,
    storage_error,
    unreadable_error,
)

NO_VERSION = -1
CHECKPOINT_EVERY = 50
_NUMBER_DIGITS = 14
_MOST_ATTEMPTS = 20
_SECOND_MS = 1_000
_MILLISECOND_NS = 1_000_000
_CONFIGURATION: dict[str, str | None] = {
    # No writer puts the smallest and largest value of a column into the log.
    "delta.dataSkippingStatsColumns": "",
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableChangeDataFeed": "false",
}
# The number of this transaction is the count of rows that the table must have. Every
# commit of Millpond updates it; the commits of another program do not.
_ROWS_APP = "rows"
# The library would write checkpoints and clean up without an fsync.
_NO_HOOKS = PostCommitHookProperties(
    create_checkpoint=False, cleanup_expired_logs=False
)


@contextmanager
def delta_errors(doing: str, table: Table) -> Iterator[None]:
    """Turn the libraries' errors into Millpond's, without their texts.

    Those texts quote rows.
    """
    try:
        yield
    except CommitFailedError:
        raise ConflictError(
            f"{doing} {table.name}: another writer changed the table first"
        ) from None
    except OSError as error:
        raise storage_error(f"{doing} {table.name}", error) from None
    except (DeltaError, pl.exceptions.PolarsError) as error:
        raise unreadable_error(doing, table.name, error) from None
    except BaseException as error:
        # A bug in the libraries raises this class, which is not an ``Exception``.
        if type(error).__name__ != "PanicException":
            raise
        raise unreadable_error(doing, table.name, error) from None


class DeltaFiles:
    """One version of a table on disk; the table may not exist yet."""

    def __init__(self, table: Table, path: Path) -> None:
        self._table = table
        self._path = path
        self._delta: DeltaTable | None = None
        self._files: list[DataFile] | None = None
        # The log entries up to this version have been checked.
        self._checked = NO_VERSION
        self.refresh()

    def refresh(self) -> None:
        """Switch to the newest version.

        Raises ``DamagedTableError`` if the log differs from what was written.
        """
        self._files = None
        try:
            with delta_errors("open", self._table):
                if self._delta is not None:
                    self._delta.update_incremental()
                else:
                    self._delta = _open(self._path)
        except StorageError:
            newest = max(log_files.versions(self._path), default=NO_VERSION)
            self._check_log(newest)
            raise
        self._check_log(self.version)

    def _check_log(self, until: int) -> None:
        """Raise ``DamagedTableError`` if a log file up to *until* is damaged."""
        if until <= self._checked and until >= log_files.synced_version(self._path):
            return
        damaged = log_files.first_damaged(self._path, self._checked + 1, until)
        if damaged is not None:
            problem = "is damaged" if damaged.exists() else "is missing"
            raise DamagedTableError(f"open {self._table.name}", damaged, problem)
        self._checked = until

    @property
    def version(self) -> int:
        """Return the version this object sees, -1 while there is no table."""
        return NO_VERSION if self._delta is None else self._delta.version()

    def transaction_version(self, app: str) -> int | None:
        """Return the newest transaction number committed for *app*, if any."""
        return None if self._delta is None else self._delta.transaction_version(app)

    def add_missing_columns(self) -> frozenset[str]:
        """Add the columns that an earlier version did not have; return their names.

        Raises ``TableError`` if the columns differ in any other way.
        """
        added: set[str] = set()
        for _ in range(_MOST_ATTEMPTS):
            stored_fields = json.loads(self._writer.schema().to_json())["fields"]
            missing = missing_columns(self._table, stored_fields)
            if not missing:
                return frozenset(added)
            with suppress(ConflictError):
                self._add_columns(missing)
                added |= missing
            self.refresh()
        raise ConflictError(
            f"add columns to {self._table.name}: other writers keep committing first"
        )

    def _add_columns(self, names: Collection[str]) -> None:
        """Commit the additional columns *names*; they are null in existing files."""
        fields = [
            Field.from_json(json.dumps(field))
            for field in delta_fields(self._table.row)
            if field["name"] in names
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
        """Return the files of this version, ordered by day."""
        if self._files is None:
            self._files = [] if self._delta is None else _list_files(self._delta)
        return self._files

    def commit(self, change: TableChange) -> None:
        """Write one log entry; return once it and all earlier ones are durable.

        Raises ``ConflictError`` if the entry would not directly follow the version
        that this object sees.
        """
        rows = rows_after(self._table.name, change, self._rows_before())
        transactions = {**change.transactions, _ROWS_APP: rows}
        self._writer.create_write_transaction(
            [
                *[_remove_action(file, change) for file in change.removed],
                *[_add_action(self._path, file, change) for file in change.added],
            ],
            mode="append",
            schema=Schema.from_json(delta_schema(self._table.row)),
            partition_by=list(self._table.partition_by),
            commit_properties=self._properties(change, transactions),
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
            # The library does not detect every conflict, such as two compactions of
            # the same files. Without retries it commits only on the version seen, and
            # the second writer checks the table again.
            max_commit_retries=0,
            app_transactions=[
                Transaction(app, number) for app, number in transactions.items()
            ],
        )

    def entry_number(self, version: int) -> int | None:
        """Return a number that stands for the log entry of *version*, if it exists.

        The number fits a transaction. Another history of the table has another number.
        """
        digest = file_digest(entry_path(self._path, version))
        return None if digest is None else int(digest[:_NUMBER_DIGITS], 16)

    @property
    def recorded_rows(self) -> int | None:
        """Return the row count after Millpond's commits, None if none recorded it."""
        return self.transaction_version(_ROWS_APP)

    def _rows_before(self) -> int:
        recorded = self.recorded_rows
        if recorded is None:
            return sum(file.rows for file in self.files())
        return recorded

    def checkpoint(self) -> None:
        """Write a durable checkpoint, so that the next open reads less of the log."""
        if checkpoint_version(self._path) == self.version:
            return
        with delta_errors("checkpoint", self._table):
            self._writer.create_checkpoint()
            log_files.sync_checkpoint(self._path, self.version)

    def clean_log(self) -> None:
        """Remove the log entries past their retention that a checkpoint covers."""
        with delta_errors("clean the log of", self._table):
            self._writer.cleanup_metadata()
            sync_directory(self._path / LOG)

    @property
    def _writer(self) -> DeltaTable:
        if self._delta is None:
            raise TableError(f"write {self._table.name}: the table does not exist")
        return self._delta


def create(table: Table, path: Path) -> None:
    """Create an empty table, unless another process has just created it."""
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


def _open(path: Path) -> DeltaTable | None:
    if not path.is_dir():
        if path.exists():
            number = errno.ENOTDIR
            raise NotADirectoryError(number, os.strerror(number), str(path))
        return None
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        return None


def _list_files(delta: DeltaTable) -> list[DataFile]:
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    if actions.is_empty():
        return []
    rows = actions.select("path", "partition.day", "num_records", "size_bytes").rows()
    return sorted((DataFile(*row) for row in rows), key=lambda file: file.day)


def _add_action(root: Path, file: DataFile, change: TableChange) -> AddAction:
    return AddAction(
        path=file.path,
        size=file.size_bytes,
        partition_values=_partition_values(file),
        modification_time=(root / file.path).stat().st_mtime_ns // _MILLISECOND_NS,
        data_change=change.changes_rows,
        stats=json.dumps({"numRecords": file.rows}),
    )


def _remove_action(file: DataFile, change: TableChange) -> RemoveAction:
    return RemoveAction(
        file.path,
        change.changes_rows,
        int(change.removed_at_s * _SECOND_MS),
        size=file.size_bytes,
        partition_values=_partition_values(file),
    )


def _partition_values(file: DataFile) -> dict[str, str | None]:
    return {"day": file.day.isoformat()}
