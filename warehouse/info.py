"""A few numbers about the tables, read only from their logs."""

from datetime import date

import msgspec

from config.errors import MillpondError
from warehouse.delta.table_log import NO_VERSION
from warehouse.schema import TABLES, Table
from warehouse.tables import TableView, Warehouse


class TableInfo(msgspec.Struct, frozen=True):
    """Numbers about one table; *version* is -1 while the table does not exist.

    *recorded_rows* is the row count after Millpond's commits, None if none recorded it.
    *error* says why the table cannot be opened; the other fields are empty then.
    """

    table: str
    version: int
    days: int
    first_day: date | None
    last_day: date | None
    files: int
    rows: int
    size_bytes: int
    recorded_rows: int | None = None
    error: str | None = None

    @property
    def problem(self) -> str | None:
        """Return the problem of the table, None if none is known."""
        if self.error is not None:
            return self.error
        if self.recorded_rows in (None, self.rows):
            return None
        return (
            f"{self.table} holds {self.rows:,} rows, {self.recorded_rows:,} were"
            " recorded: run `millpond warehouse verify`"
        )


def table_infos(warehouse: Warehouse) -> list[TableInfo]:
    """Return the numbers of each table."""
    return [_info_or_error(warehouse, table) for table in TABLES]


def _info_or_error(warehouse: Warehouse, table: Table) -> TableInfo:
    try:
        return _info(warehouse.view(table))
    except MillpondError as error:
        return TableInfo(
            table.name, NO_VERSION, 0, None, None, 0, 0, 0, error=str(error)
        )


def _info(view: TableView) -> TableInfo:
    days = view.days()
    return TableInfo(
        table=view.table.name,
        version=view.version,
        days=len(days),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        files=len(view.files()),
        rows=view.rows(),
        size_bytes=view.size_bytes(),
        recorded_rows=view.recorded_rows,
    )
