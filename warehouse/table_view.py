"""One version of a table, to read from; it never writes. Use it in one thread."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl

from warehouse.delta.data_files import DataFile, scan_files
from warehouse.delta.file_checks import FileChecks, damage
from warehouse.delta.log_changes import TouchedDays, touched
from warehouse.delta.table_log import DeltaFiles, delta_errors
from warehouse.frames import collect, collect_unordered
from warehouse.schema import Table

_READ = "read"


class TableView:
    """One version of a table; the table may not exist yet."""

    def __init__(
        self, table: Table, path: Path, checks: FileChecks | None = None
    ) -> None:
        self.table = table
        self.path = path
        self._checks = checks or FileChecks()
        self._delta = DeltaFiles(table, path)

    def refresh(self) -> int:
        """Switch to the newest version and return it; -1 without a table."""
        self._delta.refresh()
        return self.version

    @property
    def version(self) -> int:
        """Return the version that this object reads, -1 while there is no table."""
        return self._delta.version

    @property
    def recorded_rows(self) -> int | None:
        """Return the row count after Millpond's commits, None if unknown.

        If ``rows()`` differs, another program changed the table.
        """
        return self._delta.recorded_rows

    def entry_number(self, version: int) -> int | None:
        """Return a number that stands for the log entry of *version*, if it exists.

        Another history of the table, as after a restore, has another number.
        """
        return self._delta.entry_number(version)

    def transaction_version(self, app: str) -> int | None:
        """Return the newest transaction number committed for *app*, if any."""
        return self._delta.transaction_version(app)

    def files(self, days: Collection[date] | None = None) -> list[DataFile]:
        """Return the files of this version, all or those of *days*, ordered by day."""
        files = self._delta.files()
        if days is None:
            return list(files)
        selected = frozenset(days)
        return [file for file in files if file.day in selected]

    def days(self) -> list[date]:
        """Return the days that have rows, oldest first."""
        return sorted(self.files_per_day())

    def files_per_day(self) -> dict[date, int]:
        """Return the number of files of each day; compaction makes it one."""
        counts: dict[date, int] = {}
        for file in self.files():
            counts[file.day] = counts.get(file.day, 0) + 1
        return counts

    def rows(self, days: Collection[date] | None = None) -> int:
        """Return the number of rows, from the log alone."""
        return sum(file.rows for file in self.files(days))

    def size_bytes(self, days: Collection[date] | None = None) -> int:
        """Return the size of this version's files."""
        return sum(file.size_bytes for file in self.files(days))

    def scan(
        self,
        days: Collection[date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return the rows of *days* in this version as a lazy frame.

        A frame from a single file is marked as sorted by the table's ``sort_by``.
        Raises ``DamagedTableError`` at once if a file differs from what was written.
        """
        return self._scan(self.files(days), columns)

    def read(
        self,
        days: Collection[date] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return the rows of *days* as a frame in memory."""
        return self.read_files(self.files(days), columns)

    def read_files(
        self, files: Sequence[DataFile], columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the rows of some of ``files()``; the rows of a file never change."""
        return self.collect(self._scan(files, columns))

    def collect(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Return the rows of a lazy frame over this table, in order.

        Raises ``DamagedTableError`` if a file of this version was removed or changed
        since the scan, and ``StorageError`` for any other error.
        """
        with self._reading():
            return collect(rows)

    def collect_unordered(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Return the rows as ``collect`` does, in any order and with less memory."""
        with self._reading():
            return collect_unordered(rows)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn the libraries' errors into Millpond's, naming a damaged file."""
        with delta_errors(_READ, self.table):
            try:
                yield
            except (OSError, pl.exceptions.PolarsError):
                FileChecks().check(self._doing, self.path, self.files())
                raise

    @property
    def _doing(self) -> str:
        return f"{_READ} {self.table.name}"

    def damaged_files(self) -> list[DataFile]:
        """Return the files of this version that are missing or damaged.

        Reads every byte of all files.
        """
        return [file for file in self.files() if damage(self.path, file) is not None]

    def touched(self, since_version: int) -> TouchedDays | None:
        """Return the (site, day) pairs changed after *since_version*, up to this one.

        None means unknown, because the log no longer reaches that far back: treat all
        pairs as changed.
        """
        return touched(self.path, since_version, self.version)

    def _scan(
        self, files: Sequence[DataFile], columns: Sequence[str] | None
    ) -> pl.LazyFrame:
        with delta_errors(_READ, self.table):
            self._checks.check(self._doing, self.path, files)
        return scan_files(self.path, self.table, files, columns)
