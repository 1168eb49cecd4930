"""Which message ids and orders the events table holds, without reading it every time.

Data files never change, so what was read of one holds as long as a version names it.
Keys are kept sorted, 8 bytes each, up to a bound; files past it are read each time.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from warehouse.figures.order_rule import ORDER_PLACED
from warehouse.tables import DataFile, TableView

MOST_BYTES = 256 << 20
_KEY_BYTES = 8
# Parts the keys of an order's two reports; any number that no two keys differ by.
_SERVER = 0x9E3779B97F4A7C15
# Up to here the keys of files are looked through together; looking for a few keys in
# one larger file is faster by halving.
_SMALL_KEYS = 50_000


def event_key() -> pl.Expr:
    """Return the key of (site, event_id): 64 bits, null without an id.

    The id is itself a 64-bit hash, so mixing the site into it adds no collisions
    that matter, and one column is much faster to compare than two.
    """
    return _mixed("event_id")


def order_key() -> pl.Expr:
    """Return the key of (site, order_key) of an order placed, else null."""
    return pl.when(pl.col("name") == ORDER_PLACED).then(_mixed("order_key"))


def report_key(order: pl.Expr, server: pl.Expr) -> pl.Expr:
    """Return the key of an order as the shop's *server* reports it, or a browser."""
    return order ^ pl.when(server).then(pl.lit(_SERVER, pl.UInt64)).otherwise(0)


def _mixed(column: str) -> pl.Expr:
    return pl.col(column).reinterpret(signed=False) ^ pl.col("site").hash()


_EVENTS, _ORDERS = "events", "orders"
_KINDS = {
    _EVENTS: (["site", "event_id"], event_key()),
    _ORDERS: (
        ["site", "name", "order_key", "server"],
        report_key(order_key(), pl.col("server")),
    ),
}


class KeyIndex:
    """The keys of a table's files, those used last, up to *most_bytes*."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        # Least recently used first; a file has keys of two kinds.
        self._held: dict[tuple[str, str], pl.Series] = {}
        self.size_bytes = 0

    def forget_all_but(self, files: Sequence[DataFile]) -> None:
        """Drop the keys of files no longer in the table."""
        live = {each.path for each in files}
        for kind, path in list(self._held):
            if path not in live:
                self._drop((kind, path))

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return for each of *keys* whether the files of *days* hold that event."""
        first, last = days
        files = [each for each in view.files() if first <= each.day <= last]
        return _in_any(keys, [self._keys_of(view, each, _EVENTS) for each in files])

    def orders(
        self, view: TableView, keys: pl.Series, day: date | None = None
    ) -> pl.Series:
        """Return for each of *keys* whether that report is stored, ever or of *day*."""
        files = view.files(None if day is None else [day])
        return _in_any(keys, [self._keys_of(view, each, _ORDERS) for each in files])

    def files_with_orders(self, view: TableView, keys: pl.Series) -> list[DataFile]:
        """Return the files that hold any of the reports *keys*."""
        return [
            each
            for each in view.files()
            if keys.is_in(self._keys_of(view, each, _ORDERS).implode()).any()
        ]

    def _keys_of(self, view: TableView, file: DataFile, kind: str) -> pl.Series:
        place = (kind, file.path)
        keys = self._held.pop(place, None)
        if keys is not None:
            self._held[place] = keys
            return keys
        keys = _read(view, file, kind)
        size = len(keys) * _KEY_BYTES
        while self._held and self.size_bytes + size > self._most_bytes:
            self._drop(next(iter(self._held)))
        if self.size_bytes + size <= self._most_bytes:
            self._held[place] = keys
            self.size_bytes += size
        return keys

    def _drop(self, place: tuple[str, str]) -> None:
        self.size_bytes -= len(self._held.pop(place)) * _KEY_BYTES


def _in_any(keys: pl.Series, stored: Sequence[pl.Series]) -> pl.Series:
    small = [each for each in stored if len(each) <= _SMALL_KEYS]
    found = keys.is_in(_common(small, keys).implode())
    # Ascending needles walk each haystack once, which the caches like.
    order = keys.arg_sort()
    needles, back = keys.gather(order), order.arg_sort()
    for each in stored:
        if len(each) > _SMALL_KEYS:
            found |= _contains(each, needles).gather(back)
    return found


def _read(view: TableView, file: DataFile, kind: str) -> pl.Series:
    columns, key = _KINDS[kind]
    return view.read_files([file], columns).select(key=key)["key"].drop_nulls().sort()


def _common(stored: Sequence[pl.Series], keys: pl.Series) -> pl.Series:
    """Return those of *keys* that are in any of *stored*."""
    together = pl.concat(stored, rechunk=False) if stored else keys.clear()
    return together.filter(together.is_in(keys.implode()))


def _contains(stored: pl.Series, needles: pl.Series) -> pl.Series:
    """Return for each of *needles* whether it is in *stored*, which is sorted."""
    at = stored.search_sorted(needles, side="left").clip(upper_bound=len(stored) - 1)
    return stored.gather(at) == needles


def window(day: date, days: int) -> tuple[date, date]:
    """Return the first and last day within *days* of *day*."""
    reach = timedelta(days=days)
    return day - reach, day + reach
