"""A table to write to: append once, replace days, merge files, remove bytes.

Every commit follows the version its writer saw. When another writer came first, the
work is either still right, and the commit is tried again on the newer version, or it
is refused with ``ConflictError`` and must be done again.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date

import polars as pl

from config.errors import MillpondError
from config.logs import log_event
from warehouse.delta import log_files
from warehouse.delta.data_files import DataFile, write_data_file
from warehouse.delta.log_changes import (
    RowChanges,
    TouchedDays,
    removed_files,
    row_changes,
)
from warehouse.delta.table_log import TableChange, delta_errors
from warehouse.delta.vacuum import ORPHAN_AGE_S, WRITERS_LOCK, sweep
from warehouse.dtypes import check_frame, polars_schema
from warehouse.locks import locked
from warehouse.table_errors import ConflictError, TableError
from warehouse.table_view import TableView

_LOGGER = logging.getLogger(__name__)
_MOST_ATTEMPTS = 20
_NO_CHANGES = RowChanges(frozenset(), frozenset())


class AlreadyCommittedError(MillpondError):
    """A transaction of that number, or a later one, is already in the table."""


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
        Raises ``ConflictError`` if, after the version this object saw, another
        writer recorded one of them or removed rows: ``refresh`` and try again. An
        empty frame still records its transactions.
        """
        numbers = dict(transactions or {})
        self._check_newer(numbers)
        check_frame(frame, self.table)
        recorded = {app: self.transaction_version(app) for app in numbers}

        def change(others: RowChanges) -> TableChange:
            now = {app: self.transaction_version(app) for app in numbers}
            if now != recorded or others.removed:
                raise self._conflict("append to")
            return TableChange(added=added, transactions=numbers, touched=_pairs(frame))

        with self._writing("append to"):
            added = self._stage([frame])
            self._commit("append to", change, added)
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

        Frames are written one after the other, so a generator keeps memory at one
        frame. Raises ``ConflictError`` if another writer changed rows of *days*
        after the version this object saw. *touched* defaults to every (site, day)
        before and after; *transactions* are recorded with the commit.
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
        pairs = self._pairs_of(wanted) if touched is None else touched
        added: list[DataFile] = []

        def write(frame: pl.DataFrame) -> None:
            self._check_days(frame, wanted)
            if touched is None:
                pairs.update(_pairs(frame))
            added.extend(self._stage([frame]))

        def change(others: RowChanges) -> TableChange:
            if others.days & wanted:
                raise self._conflict("replace days of")
            return TableChange(
                added=added,
                # Read anew: another writer may have merged them meanwhile.
                removed=self.files(wanted),
                transactions=transactions or {},
                touched=pairs,
                removed_at_s=now_s,
            )

        with self._writing("replace days of"):
            yield write
            self._commit("replace days of", change, added)

    def delete_days(self, days: Collection[date], *, now_s: float) -> int:
        """Remove all rows of *days*, also those another writer adds meanwhile.

        Their bytes go with ``vacuum``.
        """

        def change(_: RowChanges) -> TableChange:
            return TableChange(
                removed=self.files(days),
                touched=self._pairs_of(days),
                removed_at_s=now_s,
            )

        with self._writing("delete days of"):
            self._commit("delete days of", change, [])
        return self.version

    def compact(self, days: Collection[date], *, now_s: float) -> int:
        """Merge the files of each of *days* into one; return how many were merged."""
        return sum(self._compact_day(day, now_s) for day in sorted(days))

    def _compact_day(self, day: date, now_s: float) -> int:
        for _ in range(_MOST_ATTEMPTS):
            scattered = self.files([day])
            if len(scattered) <= 1:
                return 0
            with suppress(ConflictError), self._writing("compact"):
                self._merge(day, scattered, now_s)
                return len(scattered)
            # Another writer merged or removed them: look again.
            self.refresh()
        raise self._conflict("compact")

    def _merge(self, day: date, scattered: Sequence[DataFile], now_s: float) -> None:
        """Commit the rows of *scattered* as one file; rows added meanwhile stay."""
        merged = self._stage([self.read_files(scattered)])
        names = {file.path for file in scattered}

        def change(_: RowChanges) -> TableChange:
            if not names.issubset(file.path for file in self.files([day])):
                raise self._conflict("compact")
            return TableChange(
                added=merged,
                removed=scattered,
                removed_at_s=now_s,
                changes_rows=False,
            )

        self._commit("compact", change, merged)

    def vacuum(self, *, now_s: float, removed_age_s: float = ORPHAN_AGE_S) -> list[str]:
        """Remove the bytes no version needs, durably; return the files' paths.

        *removed_age_s* = 0 erases at once, under readers of an older version.
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
        """Checkpoint, and drop the log entries older than the log's retention."""
        self._delta.checkpoint()
        self._delta.clean_log()

    def add_missing_columns(self) -> None:
        """Add the columns an earlier version did not have; refuse any other table."""
        added = self._delta.add_missing_columns()
        if added:
            log_event(_LOGGER, "columns_added", table=self.table.name, count=len(added))

    def sync_log(self) -> None:
        """Return once all this object sees is durable; do so before acting on it.

        A commit may be visible and not durable yet, if its writer died in between.
        """
        with delta_errors("sync", self.table):
            log_files.sync_log(self.path, self.version)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """Keep the vacuum away from files that are written but not yet committed."""
        with delta_errors(doing, self.table):
            lock = locked(self.path / WRITERS_LOCK, shared=True)
            with lock:
                yield

    def _commit(
        self,
        doing: str,
        change: Callable[[RowChanges], TableChange],
        staged: Sequence[DataFile],
    ) -> None:
        """Commit what *change* makes of the version seen, again if another came first.

        *change* is given the days whose rows others changed meanwhile; it raises
        ``ConflictError`` where the work no longer holds. Then *staged* is removed: no
        commit names it, and what was erased meanwhile may be in it.
        """
        seen = self.version
        try:
            for _ in range(_MOST_ATTEMPTS):
                made = change(self._changes_since(seen))
                with suppress(ConflictError), delta_errors(doing, self.table):
                    self._delta.commit(made)
                    return
                self.refresh()
            raise self._conflict(doing)
        except ConflictError:
            for file in staged:
                (self.path / file.path).unlink(missing_ok=True)
            raise

    def _changes_since(self, seen: int) -> RowChanges:
        if self.version == seen:
            return _NO_CHANGES
        changes = row_changes(self.path, seen, self.version)
        if changes is None:
            raise self._conflict("write")
        return changes

    def _conflict(self, doing: str) -> ConflictError:
        return ConflictError(
            f"{doing} {self.table.name}: another writer changed the table first"
        )

    def _check_newer(self, transactions: Mapping[str, int]) -> None:
        for app, number in transactions.items():
            recorded = self.transaction_version(app)
            if recorded is not None and recorded >= number:
                self.sync_log()
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
