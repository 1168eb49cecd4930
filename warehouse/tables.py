"""Access to the stored tables: read a version, append once, replace days, clean up.

A write makes the data files durable first. Then one commit names them, and that commit
is durable before the method returns: a change survives a power loss once the method has
returned. ``TableView`` only reads; ``StoredTable`` writes. Use each object in one
thread.

    warehouse = Warehouse(Path("data/warehouse"))
    events = warehouse.open(EVENTS)
    events.append(frame, transactions={"spool/lane": 42})
    warehouse.view(EVENTS).scan(days=[day], columns=["site", "visitor"])
"""

import logging
from pathlib import Path

from config.logs import log_event
from warehouse.delta import log_files
from warehouse.delta.data_files import DataFile
from warehouse.delta.file_checks import FileChecks
from warehouse.delta.log_changes import TouchedDays
from warehouse.delta.table_log import NO_VERSION, create, delta_errors
from warehouse.durable import make_directory
from warehouse.register import Register
from warehouse.schema import DERIVED, Table
from warehouse.stored_table import StoredTable
from warehouse.table_commits import AlreadyCommittedError
from warehouse.table_errors import (
    ConflictError,
    DamagedTableError,
    StorageError,
    TableError,
)
from warehouse.table_view import TableView

__all__ = [
    "AlreadyCommittedError",
    "ConflictError",
    "DamagedTableError",
    "DataFile",
    "StorageError",
    "StoredTable",
    "TableError",
    "TableView",
    "TouchedDays",
    "Warehouse",
]

_LOGGER = logging.getLogger(__name__)


class Warehouse:
    """The directory of all tables."""

    def __init__(self, root: Path) -> None:
        if any(part.startswith("day=") for part in root.parts):
            raise TableError(
                f"open the warehouse: {root} has a directory named day=…",
                hint="readers would use that name as the day of every row; move the"
                " warehouse",
            )
        self.root = root
        self._checks = FileChecks()
        self._register = Register(root)

    def view(self, table: Table) -> TableView:
        """Return *table* to read from; a table that does not exist yet is empty.

        Raises ``DamagedTableError`` if the table existed before and is gone.
        """
        view = TableView(table, self.root / table.name, self._checks)
        if view.version == NO_VERSION:
            self._check_new(table)
        return view

    def open(self, table: Table) -> StoredTable:
        """Return *table* to write to; create it if it does not exist.

        Files that a power loss tore before they were durable are set aside. Raises
        ``DamagedTableError`` if a durable file differs from what was written.
        """
        path = self.root / table.name
        with delta_errors("open", table):
            make_directory(path)
            torn = log_files.repair(path)
        if torn:
            log_event(
                _LOGGER,
                "log_repaired",
                level=logging.WARNING,
                table=table.name,
                files=len(torn),
            )
        # A writer copies rows into new files, so it checks every file again, even if
        # this process has checked it before.
        stored = StoredTable(table, path, FileChecks())
        if stored.version == NO_VERSION:
            self._check_new(table)
            create(table, path)
            stored.refresh()
        stored.add_missing_columns()
        stored.sync_log()
        # From now on an absent table is an error.
        self._register.add(table.name)
        return stored

    def _check_new(self, table: Table) -> None:
        """Raise ``DamagedTableError`` if *table* existed before.

        Derived tables may be moved away: the next build creates them again.
        """
        if table not in DERIVED and self._register.has(table.name):
            path = self.root / table.name
            raise DamagedTableError(f"open {table.name}", path, "is missing or empty")
