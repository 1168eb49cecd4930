"""The key index gives the same answers as the table, within its size limit."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from batcher.load.key_index import KeyIndex, event_key, order_key, report_key
from tests.warehouse.event_rows import DAY, event, frame
from warehouse.figures.order_rule import ORDER_PLACED
from warehouse.schema import EVENTS
from warehouse.tables import StoredTable, Warehouse

ALWAYS = (date(2000, 1, 1), date(2100, 1, 1))


@pytest.fixture
def table(tmp_path: Path) -> StoredTable:
    """Return a table of three days with two files per day."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    for number in range(6):
        day = DAY.replace(day=20 + number // 2)
        stored = [event(event_id=number * 10 + offset, day=day) for offset in range(3)]
        order = event(name=ORDER_PLACED, order_key=number, event_id=None, day=day)
        table.append(frame([*stored, order]))
    return table


def event_keys(*ids: int, site: str = "shop") -> pl.Series:
    """Return the keys of the message ids *ids*."""
    rows = [event(event_id=event_id, site=site) for event_id in ids]
    return frame(rows).select(event_key().alias("key"))["key"]


def order_keys(
    *orders: int, name: str = ORDER_PLACED, server: bool = False
) -> pl.Series:
    """Return the keys of *orders*, reported by a browser or by the server."""
    rows = [event(order_key=key, name=name, server=server) for key in orders]
    key = report_key(order_key(), pl.col("server"))
    return frame(rows).select(key.alias("key"))["key"]


@pytest.mark.parametrize("max_bytes", [0, 64, 1 << 20], ids=["none", "some", "all"])
def test_stored_keys_are_found_with_any_size_of_the_index(
    table: StoredTable, max_bytes: int
) -> None:
    index = KeyIndex(max_bytes)
    keys = event_keys(51, 3, 0, 22, 99, -1)
    for _ in range(2):
        got = index.events(table, keys, ALWAYS).to_list()

        assert got == [True, False, True, True, False, False]
        assert index.orders(table, order_keys(5, 9, 0)).to_list() == [True, False, True]
        assert index.size_bytes <= max_bytes


def test_keys_in_large_files_are_found(tmp_path: Path) -> None:
    # Files of more than 50,000 keys are searched by bisection.
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    row, rows = frame([event(event_id=0)]), 60_000
    numbers = pl.int_range(rows, dtype=pl.Int64, eager=True)
    table.append(row[[0] * rows].with_columns(event_id=7 * numbers))
    table.append(frame([event(event_id=3)]))

    got = KeyIndex().events(table, event_keys(7 * 59_999, 3, 1, 0, 7, 8, -7), ALWAYS)

    assert got.to_list() == [True, True, False, True, True, False, False]


def test_only_files_of_the_window_are_searched(table: StoredTable) -> None:
    index = KeyIndex()
    days = (DAY.replace(day=21), DAY.replace(day=21))

    assert index.events(table, event_keys(0, 20, 40), days).to_list() == [
        False,
        True,
        False,
    ]
    assert index.size_bytes == 6 * 8


def test_another_site_has_other_keys(table: StoredTable) -> None:
    got = KeyIndex().events(table, event_keys(0, 1, site="blog"), ALWAYS)

    assert got.to_list() == [False, False]


def test_an_order_is_found_by_its_reporter_and_day(
    table: StoredTable,
) -> None:
    index = KeyIndex()

    assert index.orders(table, order_keys(5, 0, server=True)).to_list() == [
        False,
        False,
    ]
    of_day = index.orders(table, order_keys(5, 0), DAY.replace(day=20))
    assert of_day.to_list() == [False, True]


def test_only_placed_orders_have_a_key() -> None:
    assert order_keys(1, name="order_refunded").to_list() == [None]


def test_keys_of_removed_files_are_forgotten(table: StoredTable) -> None:
    index = KeyIndex()
    index.events(table, event_keys(0), ALWAYS)
    table.delete_days([DAY.replace(day=20)], now_s=0)
    index.drop_removed_files(table.files())

    assert index.size_bytes == 12 * 8
    assert index.events(table, event_keys(0, 20), ALWAYS).to_list() == [False, True]


def test_files_in_the_index_are_not_read_again(table: StoredTable) -> None:
    index = KeyIndex()
    index.events(table, event_keys(0), ALWAYS)
    for path in table.path.glob("day=*/*.parquet"):
        path.unlink()

    assert index.events(table, event_keys(0, 3), ALWAYS).to_list() == [True, False]
