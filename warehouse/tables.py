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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from config.errors import MillpondError
from config.logs import say
from warehouse import delta_log
from warehouse.data_files import DataFile, scan_files, write_data_file
from warehouse.delta import (
    NO_VERSION,
    Change,
    ConflictError,
    DeltaFiles,
    StorageError,
    TableError,
    create,
    delta_errors,
)
from warehouse.delta_log import TouchedDays
from warehouse.dtypes import check_frame, polars_schema
from warehouse.fsync import make_directory
from warehouse.janitor import ORPHAN_AGE_S, WRITERS_LOCK, sweep
from warehouse.locks import locked
from warehouse.schema import Table

__all__ = [
    "AlreadyCommittedError",
    "ConflictError",
    "DataFile",
    "StorageError",
    "StoredTable",
    "TableError",
    "TableView",
    "TouchedDays",
    "Warehouse",
]

_LOGGER = logging.getLogger(__name__)
# Replacements of days share one transaction id, so that of two at once one fails
# even where neither has a file to remove.
_REPLACE_APP = "replace"


class AlreadyCommittedError(MillpondError):
    """A transaction of that number, or a later one, is already in the table."""


class Warehouse:
    """The directory all tables are in."""

    def __init__(self, root: Path) -> None:
        if any(part.startswith("day=") for part in root.parts):
            raise TableError(
                f"open the warehouse: {root} has a directory called day=…",
                hint="readers would take it for the day of every row; move it",
            )
        self.root = root

    def view(self, table: Table) -> "TableView":
        """Return *table* to read from; one that does not exist yet is empty."""
        return TableView(table, self.root / table.name)

    def open(self, table: Table) -> "StoredTable":
        """Return *table* to write to, created if need be.

        What a power loss tore before it was promised to anyone is set aside.
        """
        path = self.root / table.name
        with delta_errors("open", table):
            make_directory(path)
            torn = delta_log.repair(path)
        if torn:
            say(
                _LOGGER,
                "log_repaired",
                level=logging.WARNING,
                table=table.name,
                files=len(torn),
            )
        damaged = delta_log.damaged_version(path)
        if damaged is not None:
            raise TableError(
                f"open {table.name}: log entry {damaged} is missing or damaged",
                hint="restore the table's directory from a backup; see"
                ' docs/operations.md, "Damaged tables"',
            )
        stored = StoredTable(table, path)
        if stored.version == NO_VERSION:
            create(table, path)
            stored.refresh()
        stored.settle_columns()
        stored.settle()
        return stored


class TableView:
    """One version of a table, to read from; never writes, and may not exist yet."""

    def __init__(self, table: Table, path: Path) -> None:
        self.table = table
        self.path = path
        self._delta = DeltaFiles(table, path)

    def refresh(self) -> int:
        """Move on to the newest version, and return it; -1 without a table."""
        self._delta.refresh()
        return self.version

    @property
    def version(self) -> int:
        """Return the version this object reads, -1 while there is no table."""
        return self._delta.version

    def transaction_version(self, app: str) -> int | None:
        """Return the newest transaction number committed for *app*, if any."""
        return self._delta.transaction_version(app)

    def files(self, days: Collection[date] | None = None) -> list[DataFile]:
        """Return this version's files, of *days* or all, ordered by day."""
        wanted = None if days is None else frozenset(days)
        return [
            each for each in self._delta.files() if wanted is None or each.day in wanted
        ]

    def days(self) -> list[date]:
        """Return the days that have rows, oldest first."""
        return sorted(self.files_per_day())

    def files_per_day(self) -> dict[date, int]:
        """Return how many files each day is in; compaction makes it one."""
        counts: dict[date, int] = {}
        for each in self.files():
            counts[each.day] = counts.get(each.day, 0) + 1
        return counts

    def rows(self, days: Collection[date] | None = None) -> int:
        """Return the number of rows, from the log alone."""
        return sum(each.rows for each in self.files(days))

    def size_bytes(self, days: Collection[date] | None = None) -> int:
        """Return the size of this version's files."""
        return sum(each.size_bytes for each in self.files(days))

    def scan(
        self,
        days: Collection[date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return the rows of *days* lazily, exactly those of this version.

        A day in a single file comes marked as sorted by the table's ``sort_by``.
        """
        return scan_files(self.path, self.table, self.files(days), columns)

    def read(
        self,
        days: Collection[date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of *days* in memory."""
        with delta_errors("read", self.table):
            return self.scan(days, columns).collect()

    def read_files(
        self, files: Sequence[DataFile], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of some of ``files()``; a file's rows never change."""
        with delta_errors("read", self.table):
            return scan_files(self.path, self.table, files, columns).collect()

    def damaged_files(self) -> list[DataFile]:
        """Return the files of this version that are missing or not as long as said."""
        return [
            each
            for each in self.files()
            if not delta_log.has_size(self.path / each.path, each.size_bytes)
        ]

    def touched(self, since_version: int) -> TouchedDays | None:
        """Return the (site, day) pairs changed after *since_version*, up to this one.

        None means unknown, because the log no longer reaches back: take them all.
        """
        return delta_log.touched(self.path, since_version, self.version)


class StoredTable(TableView):
    """A table to write to; made by ``Warehouse.open``.

    An error that is ``Retryable`` may mean that the commit happened and only its
    confirmation failed: give every append that must not repeat a transaction.
    """

    def append(
        self, frame: pl.DataFrame, *, transactions: Mapping[str, int] | None = None
    ) -> int:
        """Add rows and record *transactions* in one commit; return the new version.

        Raises ``AlreadyCommittedError`` if one is not newer than what is recorded.
        Raises ``ConflictError`` if, after the version this object sees, another
        writer recorded one of them or removed rows: ``refresh`` and try again. An
        empty frame still records its transactions.
        """
        numbers = dict(transactions or {})
        self._check_newer(numbers)
        check_frame(frame, self.table)
        with self._writing("append to"):
            added = self._stage([frame])
            self._delta.commit(
                Change(added=added, transactions=numbers, touched=_pairs(frame))
            )
        return self.version

    def replace_days(
        self,
        days: Collection[date],
        frames: Iterable[pl.DataFrame],
        *,
        now_s: float,
        touched: TouchedDays | None = None,
        transactions: Mapping[str, int] | None = None,
    ) -> int:
        """Make *frames* all there is of *days*, in one commit; return the new version.

        Removes exactly the files of *days* this object sees; rows another writer
        appends meanwhile stay. Frames are written one after the other, so a generator
        keeps memory at one frame. Of two replacements at once one gets
        ``ConflictError``. *touched* defaults to every (site, day) before and after;
        *transactions* are recorded with the commit.
        """
        with self.replacing(
            days, now_s=now_s, touched=touched, transactions=transactions
        ) as write:
            for frame in frames:
                write(frame)
        return self.version

    @contextmanager
    def replacing(
        self,
        days: Collection[date],
        *,
        now_s: float,
        touched: TouchedDays | None = None,
        transactions: Mapping[str, int] | None = None,
    ) -> Iterator[Callable[[pl.DataFrame], None]]:
        """Give the function to write frames with that ``replace_days`` would take.

        For one that makes frames of several tables at once. The commit is made when
        the block ends; an error in it leaves all as it was. *touched* may still grow.
        Another thread may call the function, one at a time, until the block ends.
        """
        wanted = frozenset(days)
        removed = self.files(wanted)
        pairs = self._pairs_of(wanted) if touched is None else touched
        added: list[DataFile] = []

        def write(frame: pl.DataFrame) -> None:
            self._check_days(frame, wanted)
            if touched is None:
                pairs.update(_pairs(frame))
            added.extend(self._stage([frame]))

        with self._writing("replace days of"):
            yield write
            change = Change(
                added=added,
                removed=removed,
                transactions={_REPLACE_APP: self.version + 1, **(transactions or {})},
                touched=pairs,
                removed_at_s=now_s,
            )
            self._delta.commit(change)

    def delete_days(self, days: Collection[date], *, now_s: float) -> int:
        """Remove all rows of *days*; their bytes go with ``vacuum``."""
        return self.replace_days(days, [], now_s=now_s)

    def compact(self, days: Collection[date], *, now_s: float) -> int:
        """Merge the files of each of *days* into one; return how many were merged."""
        counts = self.files_per_day()
        scattered = [day for day in sorted(days) if counts.get(day, 0) > 1]
        for day in scattered:
            with self._writing("compact"):
                merged = self._stage([self.read([day])])
                self._delta.commit(
                    Change(
                        added=merged,
                        removed=self.files([day]),
                        removed_at_s=now_s,
                        changes_rows=False,
                    )
                )
        return sum(counts[day] for day in scattered)

    def vacuum(self, *, now_s: float, removed_age_s: float = ORPHAN_AGE_S) -> list[str]:
        """Remove the bytes no version needs, durably; return the files' paths.

        *removed_age_s* = 0 erases at once, under readers of an older version.
        """
        self.refresh()
        with delta_errors("vacuum", self.table):
            return sweep(
                self.path,
                live={each.path for each in self.files()},
                removed_at=delta_log.removed_files(self.path),
                now_s=now_s,
                removed_age_s=removed_age_s,
            )

    def clean_log(self) -> None:
        """Checkpoint, and drop the log entries older than the log's retention."""
        self._delta.checkpoint()
        self._delta.clean_log()

    def settle_columns(self) -> None:
        """Add the columns an earlier version did not have; refuse any other table."""
        added = self._delta.settle_columns()
        if added:
            say(_LOGGER, "columns_added", table=self.table.name, count=len(added))

    def settle(self) -> None:
        """Return once all this object sees is durable; do so before acting on it.

        A commit may be visible and not durable yet, if its writer died in between.
        """
        with delta_errors("sync", self.table):
            delta_log.settle(self.path, self.version)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """Keep the janitor away from files that are written but not yet committed."""
        lock = locked(self.path / WRITERS_LOCK, shared=True)
        with delta_errors(doing, self.table), lock:
            yield

    def _check_newer(self, transactions: Mapping[str, int]) -> None:
        for app, number in transactions.items():
            recorded = self.transaction_version(app)
            if recorded is not None and recorded >= number:
                self.settle()
                raise AlreadyCommittedError(
                    f"append to {self.table.name}: transaction {number} of {app!r}"
                    f" is not newer than {recorded}"
                )

    def _pairs_of(self, days: Collection[date]) -> TouchedDays:
        if "site" not in polars_schema(self.table):
            return set()
        return _pairs(self.read(days, ["site", "day"]))

    def _check_days(self, frame: pl.DataFrame, days: frozenset[date]) -> None:
        """Refuse a frame that may not replace *days*."""
        check_frame(frame, self.table)
        if not days.issuperset(frame["day"].unique()):
            raise TableError(f"replace days of {self.table.name}: a row of another day")

    def _stage(self, frames: Iterable[pl.DataFrame]) -> list[DataFile]:
        """Write *frames* as durable files that nothing refers to yet."""
        return [
            write_data_file(self.path, self.table, day, part)
            for frame in frames
            for day, part in _by_day(frame)
        ]


def _by_day(frame: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    days = frame["day"].unique().sort().to_list()
    if len(days) == 1:
        yield days[0], frame
        return
    for day in days:
        yield day, frame.filter(pl.col("day") == day)


def _pairs(frame: pl.DataFrame) -> TouchedDays:
    if "site" not in frame.columns:
        return set()
    return set(frame.select("site", "day").unique().rows())
