"""An index in memory of the message ids and orders in the events table.

Data files never change, so the keys of a file are valid as long as the table has the
file. The index holds sorted keys of 8 bytes each, up to a limit. Files beyond the
limit are read each time.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from warehouse.figures.order_rule import ORDER_PLACED, ORDER_REFUNDED
from warehouse.tables import DataFile, TableView

MOST_BYTES = 256 << 20
_KEY_BYTES = 8
# Distinguishes the keys of an order's two reports: an arbitrary constant.
_SERVER = 0x9E3779B97F4A7C15
# The keys of files up to this size are searched together. A few keys are found faster
# in a larger file by binary search.
_SMALL_KEYS = 50_000


def event_key() -> pl.Expr:
    """Return the key of (site, event_id): 64 bits, null without an id.

    One column is much faster to compare than two. The id is itself a 64-bit hash, so
    mixing in the site adds no significant number of collisions.
    """
    return _mixed("event_id")


def order_key() -> pl.Expr:
    """Return the key of (site, order_key) for a placed order, else null."""
    return pl.when(pl.col("name") == ORDER_PLACED).then(_mixed("order_key"))


def report_key(order: pl.Expr, server: pl.Expr) -> pl.Expr:
    """Return the key of one report of *order*, by the shop's *server* or a browser."""
    return order ^ pl.when(server).then(pl.lit(_SERVER, pl.UInt64)).otherwise(0)


def _mixed(column: str) -> pl.Expr:
    return pl.col(column).reinterpret(signed=False) ^ pl.col("site").hash()


def refund_key() -> pl.Expr:
    """Return the key of (site, order_key) for a refund, else null."""
    return pl.when(pl.col("name") == ORDER_REFUNDED).then(_mixed("order_key"))


_EVENTS, _ORDERS, _REFUNDS = "events", "orders", "refunds"
# The columns that one read of a file needs, and the kinds of keys that it gives.
_READS: tuple[tuple[list[str], dict[str, pl.Expr]], ...] = (
    (["site", "event_id"], {_EVENTS: event_key()}),
    (
        ["site", "name", "order_key", "server"],
        {
            _ORDERS: report_key(order_key(), pl.col("server")),
            _REFUNDS: refund_key(),
        },
    ),
)


class KeyIndex:
    """The keys of a table's most recently used files, up to *most_bytes*."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        # By kind of key and path of the file, least recently used first.
        self._cached: dict[tuple[str, str], pl.Series] = {}
        self.size_bytes = 0

    def drop_removed_files(self, files: Sequence[DataFile]) -> None:
        """Drop the keys of files other than *files*, the files of the table."""
        live = {file.path for file in files}
        for kind, path in list(self._cached):
            if path not in live:
                self._drop((kind, path))

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return for each key whether the files of *days* hold that event."""
        first, last = days
        files = [file for file in view.files() if first <= file.day <= last]
        return _in_any(keys, [self._keys_of(view, file, _EVENTS) for file in files])

    def orders(
        self, view: TableView, keys: pl.Series, day: date | None = None
    ) -> pl.Series:
        """Return for each key whether that report is stored, on any day or on *day*."""
        files = view.files(None if day is None else [day])
        return _in_any(keys, [self._keys_of(view, file, _ORDERS) for file in files])

    def files_with_orders(self, view: TableView, keys: pl.Series) -> list[DataFile]:
        """Return the files that hold at least one of the reports *keys*."""
        return self._files_with(view, keys, _ORDERS)

    def files_with_refunds(self, view: TableView, keys: pl.Series) -> list[DataFile]:
        """Return the files that hold a refund of at least one of the orders *keys*."""
        return self._files_with(view, keys, _REFUNDS)

    def _files_with(
        self, view: TableView, keys: pl.Series, kind: str
    ) -> list[DataFile]:
        return [
            file
            for file in view.files()
            if keys.is_in(self._keys_of(view, file, kind).implode()).any()
        ]

    def _keys_of(self, view: TableView, file: DataFile, kind: str) -> pl.Series:
        entry = (kind, file.path)
        keys = self._cached.pop(entry, None)
        if keys is not None:
            # Inserted again, the entry becomes the most recently used one.
            self._cached[entry] = keys
            return keys
        read = _read_keys(view, file, kind)
        for other, other_keys in read.items():
            if (other, file.path) not in self._cached:
                self._keep((other, file.path), other_keys)
        return read[kind]

    def _keep(self, entry: tuple[str, str], keys: pl.Series) -> None:
        size_bytes = len(keys) * _KEY_BYTES
        while self._cached and self.size_bytes + size_bytes > self._most_bytes:
            self._drop(next(iter(self._cached)))
        if self.size_bytes + size_bytes <= self._most_bytes:
            self._cached[entry] = keys
            self.size_bytes += size_bytes

    def _drop(self, entry: tuple[str, str]) -> None:
        self.size_bytes -= len(self._cached.pop(entry)) * _KEY_BYTES


def _in_any(keys: pl.Series, stored: Sequence[pl.Series]) -> pl.Series:
    small = [file_keys for file_keys in stored if len(file_keys) <= _SMALL_KEYS]
    is_stored = keys.is_in(_common(small, keys).implode())
    # Sorted needles pass through each large series once, which suits CPU caches.
    order = keys.arg_sort()
    needles, original_order = keys.gather(order), order.arg_sort()
    for file_keys in stored:
        if len(file_keys) > _SMALL_KEYS:
            is_stored |= _contains(file_keys, needles).gather(original_order)
    return is_stored


def _read_keys(view: TableView, file: DataFile, kind: str) -> dict[str, pl.Series]:
    """Return the sorted keys of *file*, of *kind* and all kinds of the same columns."""
    columns, kinds = next(read for read in _READS if kind in read[1])
    rows = view.read_files([file], columns)
    return {
        name: rows.select(key=key)["key"].drop_nulls().sort()
        for name, key in kinds.items()
    }


def _common(stored: Sequence[pl.Series], keys: pl.Series) -> pl.Series:
    """Return the keys of *stored* that are also in *keys*."""
    together = pl.concat(stored, rechunk=False) if stored else keys.clear()
    return together.filter(together.is_in(keys.implode()))


def _contains(stored: pl.Series, needles: pl.Series) -> pl.Series:
    """Return for each needle whether *stored*, which is sorted, contains the needle."""
    positions = stored.search_sorted(needles, side="left")
    in_bounds = positions.clip(upper_bound=len(stored) - 1)
    return stored.gather(in_bounds) == needles


def window(day: date, days: int) -> tuple[date, date]:
    """Return the first and the last day at most *days* days from *day*."""
    reach = timedelta(days=days)
    return day - reach, day + reach
