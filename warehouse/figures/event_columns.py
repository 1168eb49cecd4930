"""The columns of a day's events; some stay in the file until they are needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS, SESSIONS

# NARROW columns are read for every event. WIDE columns are needed for few events, so
# they may stay in the file.
NARROW = (
    *("site", "day", "visitor", "at", "seq", "event_id"),
    *("name", "server", "passive", "hostname", "path", "engaged_ms", "items", "props"),
)
_OF_ORDERS = ("order_key", "refund_minor", "amount_from_items")
WIDE = tuple(
    name
    for name in polars_schema(EVENTS)
    if name not in NARROW and name in {*polars_schema(SESSIONS), *_OF_ORDERS}
)

# The number of WIDE columns that are in memory at once to pick some of their rows.
_WIDE_AT_ONCE = 3

# Reads some of the WIDE columns for the same rows, in the same order.
ReadWide = Callable[[Sequence[str]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """The events in input order; the WIDE columns may still be in their file."""

    events: pl.DataFrame
    wide: ReadWide | None

    def narrow(self, rows: pl.Series) -> pl.DataFrame:
        """Return the columns of *rows* that are in memory."""
        if len(rows) == len(self.events) and rows.is_sorted():
            return self.events
        return self.events[rows]

    def column(self, name: str, rows: pl.Series) -> pl.Series:
        """Return the column *name* of *rows*; no other column is read."""
        events = self.events if self.wide is None else self.wide([name])
        return events[name].gather(rows)

    def whole(
        self, ordered: pl.DataFrame, rows: pl.Series, selections: Sequence[pl.Series]
    ) -> list[pl.DataFrame]:
        """Return all columns of the rows of *ordered* in each of *selections*.

        *rows* has the input row of each row in *ordered*.
        """
        selected = pl.concat(selections)
        parts = [ordered[selected]]
        if self.wide is not None:
            for start in range(0, len(WIDE), _WIDE_AT_ONCE):
                columns = self.wide(WIDE[start : start + _WIDE_AT_ONCE])
                parts.append(columns[rows.gather(selected)])
        frame = pl.concat(parts, how="horizontal")
        lengths = [len(selection) for selection in selections]
        starts = accumulate([0, *lengths[:-1]])
        return [
            frame.slice(start, length)
            for start, length in zip(starts, lengths, strict=True)
        ]
