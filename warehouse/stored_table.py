"""The write operations of a table: append, replace days, merge files, remove bytes.

Each one is a single commit, as ``table_commits`` makes it.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date

import polars as pl

from config.logs import log_event
from warehouse.delta.data_files import DataFile
from warehouse.delta.log_changes import RowChanges, TouchedDays, removed_files
from warehouse.delta.table_change import TableChange
from warehouse.delta.table_log import delta_errors
from warehouse.delta.vacuum import ORPHAN_AGE_S, sweep
from warehouse.dtypes import check_frame
from warehouse.table_commits import MOST_ATTEMPTS, CommittingTable, site_days
from warehouse.table_errors import ConflictError

_LOGGER = logging.getLogger(__name__)


class StoredTable(CommittingTable):
    """A table to write to; created by ``Warehouse.open``.

    After a ``Retryable`` error the commit may exist, and only its confirmation failed.
    So give every append that must not happen twice a transaction.
    """

    def append(
        self,
        frame: pl.DataFrame,
        *,
        transactions: Mapping[str, int] | None = None,
        touched: TouchedDays | None = None,
    ) -> int:
        """Add rows and record *transactions* in one commit; return the new version.

        Raises ``AlreadyCommittedError`` if the table has recorded one of them or a
        later number. Raises ``ConflictError`` if, after the version this object saw,
        another writer recorded one of them or removed rows: ``refresh`` and try again.
        An empty frame still records its transactions. *touched* are more (site, day)
        pairs whose figures change.
        """
        numbers = dict(transactions or {})
        self._check_newer(numbers)
        check_frame(frame, self.table)
        recorded = {app: self.transaction_version(app) for app in numbers}
        pairs = site_days(frame) | (touched or set())

        def build_change(others: RowChanges) -> TableChange:
            now = {app: self.transaction_version(app) for app in numbers}
            if now != recorded or others.removed:
                raise self._conflict("append to")
            return TableChange(added=added, transactions=numbers, touched=pairs)

        with self._writing("append to"):
            added = self._stage([frame])
            self._commit("append to", build_change, added)
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
        """Replace all rows of *days* with *frames* in one commit; return its version.

        Frames are written one after the other, so a generator keeps only one in
        memory. Raises ``ConflictError`` if another writer changed rows of *days* after
        the version this object saw. *touched* defaults to every (site, day) before and
        after; *transactions* are recorded with the commit.
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
        """Give the block a function that writes the frames of a ``replace_days``.

        This is for a caller that makes frames of several tables at once. The commit is
        made when the block ends; an error in the block leaves the table unchanged.
        *touched* may grow until then. Another thread may call the function, but only
        one thread at a time.
        """
        replaced = frozenset(days)
        pairs = self._stored_pairs(replaced) if touched is None else touched
        added: list[DataFile] = []

        def write(frame: pl.DataFrame) -> None:
            self._check_days(frame, replaced)
            if touched is None:
                pairs.update(site_days(frame))
            added.extend(self._stage([frame]))

        def build_change(others: RowChanges) -> TableChange:
            if others.days & replaced:
                raise self._conflict("replace days of")
            return TableChange(
                added=added,
                # Listed for each attempt: another writer may have merged these files.
                removed=self.files(replaced),
                transactions=transactions or {},
                touched=pairs,
                removed_at_s=now_s,
            )

        with self._writing("replace days of"):
            yield write
            self._commit("replace days of", build_change, added)

    def delete_days(self, days: Collection[date], *, now_s: float) -> int:
        """Remove all rows of *days*, including those another writer adds meanwhile.

        ``vacuum`` removes their bytes.
        """

        def build_change(_: RowChanges) -> TableChange:
            return TableChange(
                removed=self.files(days),
                touched=self._stored_pairs(days),
                removed_at_s=now_s,
            )

        with self._writing("delete days of"):
            self._commit("delete days of", build_change, [])
        return self.version

    def compact(self, days: Collection[date], *, now_s: float) -> int:
        """Merge the files of each day into one; return how many files were merged."""
        return sum(self._compact_day(day, now_s) for day in sorted(days))

    def _compact_day(self, day: date, now_s: float) -> int:
        for _ in range(MOST_ATTEMPTS):
            files = self.files([day])
            if len(files) <= 1:
                return 0
            with suppress(ConflictError), self._writing("compact"):
                self._merge(day, files, now_s)
                return len(files)
            # Another writer merged or removed these files: list them again.
            self.refresh()
        raise self._conflict("compact")

    def _merge(self, day: date, files: Sequence[DataFile], now_s: float) -> None:
        """Commit the rows of *files* as one file; rows added meanwhile stay."""
        merged = self._stage([self.read_files(files)])
        paths = {file.path for file in files}

        def build_change(_: RowChanges) -> TableChange:
            if not paths.issubset(file.path for file in self.files([day])):
                raise self._conflict("compact")
            return TableChange(
                added=merged,
                removed=files,
                removed_at_s=now_s,
                changes_rows=False,
            )

        self._commit("compact", build_change, merged)

    def vacuum(self, *, now_s: float, removed_age_s: float = ORPHAN_AGE_S) -> list[str]:
        """Remove the bytes that no version needs, durably; return the file paths.

        *removed_age_s* = 0 erases at once, also under readers of an older version.
        """
        self.refresh()
        with delta_errors("vacuum", self.table):
            return sweep(
                self.path,
                live={file.path for file in self.files()},
                removed_at=removed_files(self.path),
                now_s=now_s,
                removed_age_s=removed_age_s,
            )

    def clean_log(self) -> None:
        """Write a checkpoint, and remove the log entries past the log's retention."""
        self._delta.checkpoint()
        self._delta.clean_log()

    def add_missing_columns(self) -> None:
        """Add the columns that an earlier version did not have.

        Raises ``TableError`` if the columns differ in any other way.
        """
        added = self._delta.add_missing_columns()
        if added:
            log_event(_LOGGER, "columns_added", table=self.table.name, count=len(added))
