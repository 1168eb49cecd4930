"""The door to the stored tables: read a version, append once, replace days, clean up.

Data files are written and made durable first, then named by one commit, and that
commit is durable before a method returns: what it returned from survives a power
loss. ``TableView`` only reads; ``StoredTable`` writes. Both belong to one thread.

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
from warehouse.stored_table import AlreadyCommittedError, StoredTable
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
    """The directory all tables are in."""

    def __init__(self, root: Path) -> None:
        if any(part.startswith("day=") for part in root.parts):
            raise TableError(
                f"open the warehouse: {root} has a directory called day=…",
                hint="readers would take it for the day of every row; move it",
            )
        self.root = root
        self._checks = FileChecks()
        self._register = Register(root)

    def view(self, table: Table) -> TableView:
        """Return *table* to read from; one that does not exist yet is empty.

        Raises ``DamagedTableError`` where it existed once and is gone.
        """
        view = TableView(table, self.root / table.name, self._checks)
        if view.version == NO_VERSION:
            self._check_new(table)
        return view

    def open(self, table: Table) -> StoredTable:
        """Return *table* to write to, created if need be.

        What a power loss tore before it was promised to anyone is set aside. Raises
        ``DamagedTableError`` where what was promised is not as it was written.
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
        # With checks of its own: a writer makes new files of what it reads, so it looks
        # at each once more, however long this process has known it.
        stored = StoredTable(table, path, FileChecks())
        if stored.version == NO_VERSION:
            self._check_new(table)
            create(table, path)
            stored.refresh()
        stored.add_missing_columns()
        stored.sync_log()
        # Only now is the table promised to anyone.
        self._register.add(table.name)
        return stored

    def _check_new(self, table: Table) -> None:
        """Refuse to take a table that is gone for one that never was.

        The derived ones may be moved away: they are built anew.
        """
        if table not in DERIVED and self._register.has(table.name):
            path = self.root / table.name
            raise DamagedTableError(f"open {table.name}", path, "is missing or empty")
