"""Which message ids and orders the events table holds, without reading it every time.

Data files never change, so what was read of one holds as long as a version names it.
Keys are kept sorted, 8 bytes each, up to a bound; files past it are read each time.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from warehouse.tables import DataFile, TableView

ORDER_PLACED = "order_placed"
MOST_BYTES = 256 << 20
_KEY_BYTES = 8


def event_key() -> pl.Expr:
    """Return the key of (site, event_id): 64 bits, null without an id.

    The id is itself a 64-bit hash, so mixing the site into it adds no collisions
    that matter, and one column is much faster to compare than two.
    """
    return _mixed("event_id")


def order_key() -> pl.Expr:
    """Return the key of (site, order_key) of an order placed, else null."""
    return pl.when(pl.col("name") == ORDER_PLACED).then(_mixed("order_key"))


def _mixed(column: str) -> pl.Expr:
    return pl.col(column).reinterpret(signed=False) ^ pl.col("site").hash()


class SeenKeys:
    """The keys of a table's files, held for as long as the process lives."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._events: dict[str, pl.Series] = {}
        self._orders: dict[str, pl.Series] = {}

    @property
    def size_bytes(self) -> int:
        """Return how much is held."""
        held = [*self._events.values(), *self._orders.values()]
        return sum(map(len, held)) * _KEY_BYTES

    def forget_all_but(self, files: Sequence[DataFile]) -> None:
        """Drop the keys of files no longer in the table."""
        live = {each.path for each in files}
        for held in (self._events, self._orders):
            for path in held.keys() - live:
                del held[path]

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return for each of *keys* whether the files of *days* hold that event."""
        first, last = days
        files = [each for each in view.files() if first <= each.day <= last]
        return self._any(view, keys, files, self._events, ["site", "event_id"])

    def orders(self, view: TableView, keys: pl.Series) -> pl.Series:
        """Return for each of *keys* whether that order was ever placed."""
        columns = ["site", "name", "order_key"]
        return self._any(view, keys, view.files(), self._orders, columns)

    def _any(
        self,
        view: TableView,
        keys: pl.Series,
        files: Sequence[DataFile],
        held: dict[str, pl.Series],
        columns: Sequence[str],
    ) -> pl.Series:
        # Ascending needles walk each haystack once, which the caches like.
        order = keys.arg_sort()
        needles = keys.gather(order)
        found = pl.repeat(value=False, n=len(keys), dtype=pl.Boolean, eager=True)
        for file in reversed(files):
            stored = held.get(file.path)
            if stored is None:
                stored = _read(view, file, columns)
                if self.size_bytes + len(stored) * _KEY_BYTES <= self._most_bytes:
                    held[file.path] = stored
            found |= _contains(stored, needles)
        return found.gather(order.arg_sort())


def _read(view: TableView, file: DataFile, columns: Sequence[str]) -> pl.Series:
    key = event_key() if "event_id" in columns else order_key()
    keys = view.read_files([file], columns).select(key.alias("key"))["key"]
    return keys.drop_nulls().sort()


def _contains(stored: pl.Series, needles: pl.Series) -> pl.Series:
    if stored.is_empty():
        return pl.repeat(value=False, n=len(needles), dtype=pl.Boolean, eager=True)
    at = stored.search_sorted(needles, side="left").clip(upper_bound=len(stored) - 1)
    return stored.gather(at) == needles


def window(day: date, days: int) -> tuple[date, date]:
    """Return the first and last day within *days* of *day*."""
    reach = timedelta(days=days)
    return day - reach, day + reach
