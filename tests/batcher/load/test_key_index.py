"""The held keys answer as the table itself would, within their bound."""

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
    """Return a table of three days, two files each."""
    table = Warehouse(tmp_path / "warehouse").open(EVENTS)
    for number in range(6):
        day = DAY.replace(day=20 + number // 2)
        stored = [event(event_id=number * 10 + each, day=day) for each in range(3)]
        order = event(name=ORDER_PLACED, order_key=number, event_id=None, day=day)
        table.append(frame([*stored, order]))
    return table


def event_keys(*ids: int, site: str = "shop") -> pl.Series:
    """Return the keys of these message ids."""
    sent = [event(event_id=each, site=site) for each in ids]
    return frame(sent).select(event_key().alias("key"))["key"]


def order_keys(
    *orders: int, name: str = ORDER_PLACED, server: bool = False
) -> pl.Series:
    """Return the keys of these orders, as a browser or the server reports them."""
    placed = [event(order_key=each, name=name, server=server) for each in orders]
    key = report_key(order_key(), pl.col("server"))
    return frame(placed).select(key.alias("key"))["key"]


@pytest.mark.parametrize("most_bytes", [0, 64, 1 << 20], ids=["none", "some", "all"])
def test_what_is_stored_is_found_however_much_is_held(
    table: StoredTable, most_bytes: int
) -> None:
    seen = KeyIndex(most_bytes)
    keys = event_keys(51, 3, 0, 22, 99, -1)
    for _ in range(2):
        got = seen.events(table, keys, ALWAYS).to_list()

        assert got == [True, False, True, True, False, False]
        assert seen.orders(table, order_keys(5, 9, 0)).to_list() == [True, False, True]
        assert seen.size_bytes <= most_bytes


def test_only_the_files_of_the_window_are_asked(table: StoredTable) -> None:
    seen = KeyIndex()
    days = (DAY.replace(day=21), DAY.replace(day=21))

    assert seen.events(table, event_keys(0, 20, 40), days).to_list() == [
        False,
        True,
        False,
    ]
    assert seen.size_bytes == 6 * 8


def test_another_site_has_other_keys(table: StoredTable) -> None:
    got = KeyIndex().events(table, event_keys(0, 1, site="blog"), ALWAYS)

    assert got.to_list() == [False, False]


def test_an_order_is_found_by_who_reported_it_and_on_which_day(
    table: StoredTable,
) -> None:
    seen = KeyIndex()

    assert seen.orders(table, order_keys(5, 0, server=True)).to_list() == [False, False]
    of_day = seen.orders(table, order_keys(5, 0), DAY.replace(day=20))
    assert of_day.to_list() == [False, True]


def test_only_placed_orders_have_a_key() -> None:
    assert order_keys(1, name="order_refunded").to_list() == [None]


def test_keys_of_files_that_are_gone_are_forgotten(table: StoredTable) -> None:
    seen = KeyIndex()
    seen.events(table, event_keys(0), ALWAYS)
    table.delete_days([DAY.replace(day=20)], now_s=0)
    seen.drop_removed_files(table.files())

    assert seen.size_bytes == 12 * 8
    assert seen.events(table, event_keys(0, 20), ALWAYS).to_list() == [False, True]


def test_held_files_are_not_read_again(table: StoredTable) -> None:
    seen = KeyIndex()
    seen.events(table, event_keys(0), ALWAYS)
    for path in table.path.glob("day=*/*.parquet"):
        path.unlink()

    assert seen.events(table, event_keys(0, 3), ALWAYS).to_list() == [True, False]
