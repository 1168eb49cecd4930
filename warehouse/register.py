"""Which tables a warehouse has: written as they are created, and held to afterwards.

A directory that is empty because its disk is away looks like a warehouse that was never
used. Without this file a new, empty table would be made there, and every check of it
would be green. The spool keeps the id of the warehouse it is loaded into.
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
_SECTION = 'docs/operations.md, "A warehouse that is not there"'


class WarehouseAwayError(TableError):
    """Something else stands where the tables were."""


class _RegisterContent(msgspec.Struct, frozen=True):
    """The warehouse's random name, and those of its tables."""

    id: str
    tables: list[str]


class Register:
    """The file in the warehouse's directory; a warehouse without tables has none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: _RegisterContent | None = None

    def has(self, table: str) -> bool:
        """Return whether *table* was created here once."""
        if self._listed is None or table not in self._listed.tables:
            self._listed = self._read()
        return self._listed is not None and table in self._listed.tables

    def add(self, table: str) -> None:
        """Note that *table* exists, durably."""
        if self.has(table):
            return
        with locked(self._root / _LOCK):
            found = self._read() or _RegisterContent(secrets.token_hex(_ID_BYTES), [])
            listed = _RegisterContent(found.id, sorted({*found.tables, table}))
            write_checked(self._root / _NAME, listed)
        self._listed = listed

    @property
    def id(self) -> str | None:
        """Return the warehouse's random name, None while it has no table."""
        self._listed = self._read()
        return None if self._listed is None else self._listed.id

    def _read(self) -> _RegisterContent | None:
        try:
            return read_checked(self._root / _NAME, _RegisterContent)
        except FileNotFoundError:
            return None


def check_bound(root: Path, spool_dir: Path) -> None:
    """Raise ``WarehouseAwayError`` where the spool was loaded into another warehouse.

    Changes nothing. A spool that was never loaded fits any warehouse.
    """
    bound, found = _bound(spool_dir), Register(root).id
    if bound is None or bound == found:
        return
    what = "there are no tables" if found is None else "there are other tables"
    raise WarehouseAwayError(
        f"open the warehouse {root}: {what}, and {spool_dir / _BOUND} names those it"
        " was loaded into",
        hint="mount the disk, or restore the tables; to load into these on purpose,"
        f" remove {spool_dir / _BOUND} (see {_SECTION})",
    )


def bind(root: Path, spool_dir: Path) -> None:
    """Note in the spool which warehouse it is loaded into, durably and once."""
    found = Register(root).id
    if found is not None and _bound(spool_dir) is None:
        make_directory(spool_dir)
        write_checked(spool_dir / _BOUND, found)


def _bound(spool_dir: Path) -> str | None:
    try:
        return read_checked(spool_dir / _BOUND, str)
    except FileNotFoundError:
        return None
