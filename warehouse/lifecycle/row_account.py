"""Whether a table holds the rows that were put in: counts, and events that repeat.

Every commit of Millpond records how many rows the table must hold after it. A copy of
a file that another writer added, or a file it took away, makes the two differ.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from warehouse.schema import EVENTS
from warehouse.tables import TableView


class RowFinding(msgspec.Struct, frozen=True):
    """Rows of a table that are not those it should hold; *day* where it is known."""

    table: str
    problem: str
    day: date | None = None


def count_findings(view: TableView) -> list[RowFinding]:
    """Return whether *view* holds another number of rows than was recorded."""
    recorded, stored = view.recorded_rows, view.rows()
    if recorded is None or recorded == stored:
        return []
    difference = stored - recorded
    which = "more" if difference > 0 else "fewer"
    problem = f"holds {stored} rows, {abs(difference)} {which} than were recorded"
    return [RowFinding(view.table.name, problem)]


def repeat_findings(view: TableView, days: Iterable[date]) -> Iterator[RowFinding]:
    """Yield the *days* on which a message id is stored more than once.

    A load stores each once, so a repetition is a file that was added again.
    """
    for day in days:
        named = view.read([day], ["site", "event_id"]).drop_nulls()
        repeated = named.height - named.n_unique()
        if repeated:
            problem = f"holds {repeated} events a second time"
            yield RowFinding(EVENTS.name, problem, day)
