"""The change that one commit makes to a table, and how it changes the row count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from warehouse.delta.data_files import DataFile
from warehouse.delta.log_changes import TouchedDays
from warehouse.table_errors import TableError


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """The files, transactions and (site, day) pairs of one commit."""

    added: Sequence[DataFile] = ()
    removed: Sequence[DataFile] = ()
    removed_at_s: float = 0
    transactions: Mapping[str, int] = field(default_factory=dict)
    touched: TouchedDays = field(default_factory=set)
    # False if the commit only moves the same rows to other files.
    changes_rows: bool = True


def rows_after(table_name: str, change: TableChange, rows_before: int) -> int:
    """Return the number of rows after *change*.

    Raises ``TableError`` if a change that only moves rows has another number of them.
    """
    added = sum(file.rows for file in change.added)
    removed = sum(file.rows for file in change.removed)
    if not change.changes_rows and added != removed:
        raise TableError(
            f"compact {table_name}: {removed} rows would become {added}",
            hint="run `millpond warehouse verify`",
        )
    return rows_before + added - removed
