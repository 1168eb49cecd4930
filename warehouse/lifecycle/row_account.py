"""Check that a table has exactly the rows that were written: counts and repetitions.

Every commit of Millpond records how many rows the table must have after it. The count
differs if another program added a copy of a file or removed a file.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from warehouse.schema import EVENTS
from warehouse.tables import TableView


class RowFinding(msgspec.Struct, frozen=True):
    """Wrong rows of a table; *day* is None if it is not known."""

    table: str
    problem: str
    day: date | None = None


def count_findings(view: TableView) -> list[RowFinding]:
    """Return a finding if the row count of *view* differs from the recorded one."""
    recorded, stored = view.recorded_rows, view.rows()
    if recorded is None or recorded == stored:
        return []
    difference = stored - recorded
    which = "more" if difference > 0 else "fewer"
    problem = f"holds {stored} rows, {abs(difference)} {which} than were recorded"
    return [RowFinding(view.table.name, problem)]


def repeat_findings(view: TableView, days: Iterable[date]) -> Iterator[RowFinding]:
    """Yield a finding for each of *days* on which a message id is stored repeatedly.

    A load stores each message once, so a repetition means that a file was added again.
    """
    for day in days:
        keys = view.read([day], ["site", "event_id"]).drop_nulls()
        repeated = keys.height - keys.n_unique()
        if repeated:
            problem = f"holds {repeated} events a second time"
            yield RowFinding(EVENTS.name, problem, day)
