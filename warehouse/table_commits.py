"""How a writer commits to a table: staged files, conflicts and repeated attempts.

Every commit follows the version that its writer saw. If another writer committed first,
either the work is still right and the commit is tried again on the newer version, or
``ConflictError`` is raised and the work must be done again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date

import polars as pl

from config.errors import MillpondError
from warehouse.delta import log_files
from warehouse.delta.data_files import DataFile, write_data_file
from warehouse.delta.log_changes import RowChanges, TouchedDays, row_changes
from warehouse.delta.table_change import TableChange
from warehouse.delta.table_log import delta_errors
from warehouse.delta.vacuum import WRITERS_LOCK
from warehouse.dtypes import check_frame, polars_schema
from warehouse.locks import locked
from warehouse.table_errors import ConflictError, TableError
from warehouse.table_view import TableView

MOST_ATTEMPTS = 20
_NO_CHANGES = RowChanges(frozenset(), frozenset())


class AlreadyCommittedError(MillpondError):
    """The table has already recorded this transaction number or a later one."""


class CommittingTable(TableView):
    """A table that can commit changes; ``StoredTable`` says which changes."""

    def sync_log(self) -> None:
        """Return once every commit that this object sees is durable.

        Call it before acting on a commit: if the writer died in between, a commit may
        be visible but not yet durable.
        """
        with delta_errors("sync", self.table):
            log_files.sync_log(self.path, self.version)

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """Keep the vacuum away from files that are written but not yet committed."""
        with (
            delta_errors(doing, self.table),
            locked(self.path / WRITERS_LOCK, shared=True),
        ):
            yield

    def _stage(self, frames: Iterable[pl.DataFrame]) -> list[DataFile]:
        """Write *frames* as durable files that no commit names yet."""
        return [
            write_data_file(self.path, self.table, day, rows)
            for frame in frames
            for day, rows in _by_day(frame)
        ]

    def _commit(
        self,
        doing: str,
        build_change: Callable[[RowChanges], TableChange],
        staged: Sequence[DataFile],
    ) -> None:
        """Commit the change that *build_change* returns for the version seen.

        If another writer commits first, refresh and try again. *build_change* receives
        the days whose rows others changed meanwhile; it raises ``ConflictError`` if
        the work is no longer valid. Then the *staged* files are removed: no commit
        names them, and they may contain rows that were erased meanwhile.
        """
        seen = self.version
        try:
            for _ in range(MOST_ATTEMPTS):
                change = build_change(self._changes_since(seen))
                with suppress(ConflictError), delta_errors(doing, self.table):
                    self._delta.commit(change)
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
        """Raise ``AlreadyCommittedError`` unless all *transactions* are new."""
        for app, number in transactions.items():
            recorded = self.transaction_version(app)
            if recorded is not None and recorded >= number:
                self.sync_log()
                raise AlreadyCommittedError(
                    f"append to {self.table.name}: transaction {number} of {app!r}"
                    f" is not newer than {recorded}"
                )

    def _check_days(self, frame: pl.DataFrame, days: frozenset[date]) -> None:
        """Raise unless *frame* is valid and all its rows are of *days*."""
        check_frame(frame, self.table)
        if not days.issuperset(frame["day"].unique()):
            raise TableError(
                f"replace days of {self.table.name}: a row is of another day"
            )

    def _stored_pairs(self, days: Collection[date]) -> TouchedDays:
        """Return the (site, day) pairs that are stored for *days*."""
        if "site" not in polars_schema(self.table):
            return set()
        return site_days(self.read(days, ["site", "day"]))


def site_days(frame: pl.DataFrame) -> TouchedDays:
    """Return the (site, day) pairs in *frame*; none for a table without sites."""
    if "site" not in frame.columns:
        return set()
    return set(frame.select("site", "day").unique().rows())


def _by_day(frame: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    days = frame["day"].unique().sort().to_list()
    if len(days) == 1:
        yield days[0], frame
        return
    for day in days:
        yield day, frame.filter(pl.col("day") == day)
