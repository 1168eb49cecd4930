"""Delta Lake as ``warehouse.tables`` needs it; the only module that imports it.

What the library gets wrong for us on a local disk is answered here or in
``delta_log``: it never fsyncs, checkpoints and cleans up behind the caller's back,
and quotes rows in its errors.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

from config.errors import MillpondError, Retryable
from warehouse import delta_log
from warehouse.data_files import DataFile
from warehouse.delta_log import TouchedDays, days_by_site
from warehouse.dtypes import delta_fields, delta_schema
from warehouse.fsync import sync_directory
from warehouse.schema import Table

NO_VERSION = -1
CHECKPOINT_EVERY = 50
_SECOND_MS = 1_000
_MILLISECOND_NS = 1_000_000
_CONFIGURATION: dict[str, str | None] = {
    # No column's least and greatest values in the log, whoever writes.
    "delta.dataSkippingStatsColumns": "",
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableChangeDataFeed": "false",
}
# The library's own checkpoints and clean-up would come without an fsync.
_NO_HOOKS = PostCommitHookProperties(
    create_checkpoint=False, cleanup_expired_logs=False
)


class TableError(MillpondError):
    """A table cannot be read or written, and trying again will not help."""


class StorageError(Retryable, MillpondError):
    """The disk or the table's log refused; nothing half-written is visible."""


class ConflictError(Retryable, MillpondError):
    """Another writer came first; look at the table again and redo the work."""


@contextmanager
def delta_errors(doing: str, table: Table) -> Iterator[None]:
    """Turn the libraries' errors into ours; their texts quote rows, so none is kept."""
    try:
        yield
    except CommitFailedError:
        raise ConflictError(
            f"{doing} {table.name}: another writer changed the table first"
        ) from None
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise StorageError(
            f"{doing} {table.name}: {type(error).__name__}",
            hint="look at the disk's free space and health, then at docs/operations.md",
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
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
        self.refresh()

    def refresh(self) -> None:
        """Move on to the newest version."""
        self._files = None
        with delta_errors("open", self._table):
            if self._delta is not None:
                self._delta.update_incremental()
            else:
                self._delta = _opened(self._path)

    @property
    def version(self) -> int:
        """Return the version seen, -1 while there is no table."""
        return NO_VERSION if self._delta is None else self._delta.version()

    def transaction_version(self, app: str) -> int | None:
        """Return the newest transaction number committed for *app*, if any."""
        return None if self._delta is None else self._delta.transaction_version(app)

    def settle_columns(self) -> frozenset[str]:
        """Add the columns an earlier version did not have, and return their names.

        Raises ``TableError`` where the columns differ in any other way.
        """
        lacking = self._lacking_columns()
        if lacking is None or not lacking.issubset(self._table.added):
            raise TableError(
                f"open {self._table.name}: its columns are not those of this version",
                hint="start the version that wrote it, or move the table away",
            )
        if lacking:
            self._add_columns(lacking)
        return lacking

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
        try:
            with delta_errors("add columns to", self._table):
                self._writer.alter.add_columns(
                    fields, post_commithook_properties=_NO_HOOKS
                )
        except ConflictError:
            # Of two at once one is refused, and finds them there.
            self.refresh()
            if self._lacking_columns():
                raise
        self.refresh()
        delta_log.settle(self._path, self.version)

    def files(self) -> list[DataFile]:
        """Return the version's files, ordered by day."""
        if self._files is None:
            self._files = [] if self._delta is None else _listed(self._delta)
        return self._files

    def commit(self, change: Change) -> None:
        """Write one log entry, and return once it and all before it are durable."""
        self._writer.create_write_transaction(
            [
                *[_remove(each, change) for each in change.removed],
                *[_add(self._path, each, change) for each in change.added],
            ],
            mode="append",
            schema=Schema.from_json(delta_schema(self._table.row)),
            partition_by=list(self._table.partition_by),
            commit_properties=CommitProperties(
                custom_metadata={"touched": days_by_site(change.touched)},
                app_transactions=[
                    Transaction(*each) for each in change.transactions.items()
                ],
            ),
            post_commithook_properties=_NO_HOOKS,
        )
        self.refresh()
        delta_log.settle(self._path, self.version)
        last = delta_log.checkpoint_version(self._path) or 0
        if self.version - last >= CHECKPOINT_EVERY:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write a durable checkpoint, so that opening need not read the whole log."""
        with delta_errors("checkpoint", self._table):
            self._writer.create_checkpoint()
            delta_log.sync_checkpoint(self._path, self.version)

    def clean_log(self) -> None:
        """Remove log entries past their retention that a checkpoint covers."""
        with delta_errors("clean the log of", self._table):
            self._writer.cleanup_metadata()
            sync_directory(self._path / delta_log.LOG)

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


def _add(root: Path, file: DataFile, change: Change) -> AddAction:
    return AddAction(
        path=file.path,
        size=file.size_bytes,
        partition_values=_partition(file),
        modification_time=(root / file.path).stat().st_mtime_ns // _MILLISECOND_NS,
        data_change=change.changes_rows,
        stats=json.dumps({"numRecords": file.rows}),
    )


def _remove(file: DataFile, change: Change) -> RemoveAction:
    return RemoveAction(
        file.path,
        change.changes_rows,
        int(change.removed_at_s * _SECOND_MS),
        size=file.size_bytes,
        partition_values=_partition(file),
    )


def _partition(file: DataFile) -> dict[str, str | None]:
    return {"day": file.day.isoformat()}
