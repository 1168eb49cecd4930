"""The register of the tables in a warehouse, updated when a table is created.

A directory that is empty because its disk is not mounted looks like an unused
warehouse. Without the register, Millpond would create a new, empty table there, and
every check of it would pass. The spool records the id of the warehouse that its events
are loaded into.
"""

import secrets
from pathlib import Path

import msgspec

from warehouse.checked_file import read_checked, write_checked
from warehouse.durable import make_directory
from warehouse.locks import locked
from warehouse.table_errors import TableError

_NAME = "tables.json"
_LOCK = "tables.lock"
_BOUND = "warehouse-id"
_ID_BYTES = 16
_SECTION = 'docs/operations.md, "Warehouse not found"'


class WarehouseAwayError(TableError):
    """The directory does not contain the tables that it contained before."""


class _RegisterContent(msgspec.Struct, frozen=True):
    """The random id of the warehouse, and the names of its tables."""

    id: str
    tables: list[str]


class Register:
    """The register file of a warehouse; it is absent while there is no table."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._content: _RegisterContent | None = None

    def has(self, table: str) -> bool:
        """Return whether *table* was ever created in this warehouse."""
        if self._content is None or table not in self._content.tables:
            self._content = self._read()
        return self._content is not None and table in self._content.tables

    def add(self, table: str) -> None:
        """Record durably that *table* exists."""
        if self.has(table):
            return
        with locked(self._root / _LOCK):
            old = self._read() or _RegisterContent(secrets.token_hex(_ID_BYTES), [])
            new = _RegisterContent(old.id, sorted({*old.tables, table}))
            write_checked(self._root / _NAME, new)
        self._content = new

    @property
    def id(self) -> str | None:
        """Return the random id of the warehouse, None while it has no table."""
        self._content = self._read()
        return None if self._content is None else self._content.id

    def _read(self) -> _RegisterContent | None:
        try:
            return read_checked(self._root / _NAME, _RegisterContent)
        except FileNotFoundError:
            return None


def check_bound(root: Path, spool_dir: Path) -> None:
    """Raise ``WarehouseAwayError`` if the spool was loaded into another warehouse.

    Changes nothing. A spool that was never loaded fits any warehouse.
    """
    bound_id, warehouse_id = _read_bound(spool_dir), Register(root).id
    if bound_id is None or bound_id == warehouse_id:
        return
    tables = "no tables" if warehouse_id is None else "other tables"
    raise WarehouseAwayError(
        f"open the warehouse {root}: there are {tables}, but {spool_dir / _BOUND}"
        " names the warehouse that the spool was loaded into",
        hint="mount the disk, or restore the tables; to load into this directory on"
        f" purpose, remove {spool_dir / _BOUND} (see {_SECTION})",
    )


def bind(root: Path, spool_dir: Path) -> None:
    """Record in the spool the warehouse it is loaded into, durably and only once."""
    warehouse_id = Register(root).id
    if warehouse_id is not None and _read_bound(spool_dir) is None:
        make_directory(spool_dir)
        write_checked(spool_dir / _BOUND, warehouse_id)


def _read_bound(spool_dir: Path) -> str | None:
    try:
        return read_checked(spool_dir / _BOUND, str)
    except FileNotFoundError:
        return None
