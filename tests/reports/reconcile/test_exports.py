"""The lists that shop systems export are read without options, and compared whole."""

import os
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from config.settings import Settings
from tests.reports.reconcile.test_compare import order, outcome, refund
from tests.reports.sample_queries import SHOP
from tests.warehouse.shop_list.exports import EXPORTS, MAGENTO, SHOPIFY
from warehouse.shop_list.list_forms import detect_forms
from warehouse.shop_list.shop_file import ListOptions, ShopOrder, shop_orders

CASES = [
    pytest.param(name, text, column, ids, id=f"{name} by {column}")
    for name, (text, columns) in EXPORTS.items()
    for column, ids in columns.items()
]


def _read(text: str, stored: set[str]) -> list[ShopOrder]:
    lines = text.splitlines(keepends=True)
    _, options = detect_forms(lines, SHOP, ListOptions(), stored.__contains__)
    return [*shop_orders(lines, SHOP, options)]


@pytest.mark.parametrize(("name", "text", "column", "ids"), CASES)
def test_an_export_is_recognised_and_read_exactly(
    name: str, text: str, column: str, ids: str
) -> None:
    lines = text.splitlines(keepends=True)
    stored = {ids.format(n) for n in range(1, 9)}

    head, options = detect_forms(lines, SHOP, ListOptions(), stored.__contains__)

    assert head.format.name == name
    assert options.id_reading is not None
    assert head.names[options.id_reading.position] == column
    got = [*shop_orders(lines, SHOP, options)]
    assert [(each.id, each.minor) for each in got[:4]] == [
        (ids.format(1), 123_450),
        (ids.format(2), 2_000),
        (ids.format(3), 3_000),
        (ids.format(4), 4_000),
    ]
    assert {each.day for each in got} == {date(2026, 11, 22)}
    assert {each.currency for each in got} == {"EUR"}
    assert [each.state.is_void for each in got[:4]] == [False, False, False, True]
    assert all(each.state.is_void for each in got[4:])


@pytest.mark.parametrize(("name", "text", "column", "ids"), CASES)
def test_cancelled_failed_and_refunded_orders_are_compared(
    settings: Settings, name: str, text: str, column: str, ids: str
) -> None:
    stored = [
        order(ids.format(1), value_minor=123_450),
        order(ids.format(2), value_minor=2_000),
        refund(ids.format(2), 500),
        order(ids.format(3), value_minor=3_000),
        refund(ids.format(3), None),
    ]

    lines, meta = outcome(settings, *stored, shop=text)

    void = len(_read(text, set())) - 3
    assert lines == {
        ids.format(2): "refunded",
        ids.format(3): "refunded",
        **{ids.format(4 + n): "void" for n in range(void)},
    }
    assert (meta["equal"], meta["list"]["format"]) == (True, name)
    assert meta["list"]["id_column"] == column


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(
            [order("000001004", value_minor=4_000)], "void_counted", id="counted"
        ),
        pytest.param(
            [order("000001004", value_minor=4_000), refund("000001004", None)],
            "void",
            id="counted and taken back",
        ),
        pytest.param([], "void", id="not counted"),
    ],
)
def test_an_order_that_was_never_paid_must_not_be_revenue(
    settings: Settings, stored: list[dict[str, Any]], expected: str
) -> None:
    lines, meta = outcome(settings, *stored, shop=MAGENTO)

    assert lines["000001004"] == expected
    assert meta["orders"][expected] == 1


@pytest.mark.parametrize(
    ("name", "back", "expected"),
    [
        pytest.param("000001002", None, "different", id="no refund here"),
        pytest.param("000001002", 400, "different", id="another amount"),
        pytest.param("000001002", 500, "refunded", id="the same amount"),
        pytest.param("000001003", 500, "different", id="only a part here"),
        pytest.param("000001003", 3_000, "refunded", id="the whole order"),
    ],
)
def test_a_refund_is_the_same_on_both_sides(
    settings: Settings, name: str, back: int | None, expected: str
) -> None:
    value = {"000001002": 2_000, "000001003": 3_000}[name]
    refunds = [] if back is None else [refund(name, back)]

    lines, _ = outcome(settings, order(name, value_minor=value), *refunds, shop=MAGENTO)

    assert lines[name] == expected


@pytest.mark.parametrize(
    ("state", "back", "expected"),
    [
        ("refunded", 500, "refunded"),
        ("refunded", 200, "different"),
        ("wc-refunded", None, "different"),
        ("Teilweise erstattet", 200, "refunded"),
        ("partially_refunded", None, "different"),
        ("shipped", None, "matched"),
        ("wc-cancelled", None, "void_counted"),
        ("storniert", 500, "void"),
    ],
)
def test_a_list_without_refunded_amounts_is_compared_by_its_words(
    settings: Settings, state: str, back: int | None, expected: str
) -> None:
    refunds = [] if back is None else [refund("7", back)]

    lines, meta = outcome(
        settings,
        order("7", value_minor=500),
        *refunds,
        shop=f"id,total,status\n7,5.00,{state}\n",
    )

    assert lines.get("7", "matched") == expected
    assert meta["orders"][expected] == 1


def test_the_separator_of_one_amount_decides_the_others(settings: Settings) -> None:
    lines, meta = outcome(
        settings,
        order("1", value_minor=123_400),
        order("2", value_minor=590),
        shop="id;total;date\n1;1.234;03/11/2026\n2;5,90;22/11/2026\n",
        period="2026-11",
    )

    assert lines == {}
    assert (meta["list"]["decimal"], meta["list"]["dates"]) == ("comma", "day-first")


def test_a_list_in_the_encoding_of_spreadsheets_is_read(
    settings: Settings,
) -> None:
    lines, _ = outcome(
        settings,
        order("5901", value_minor=123_450),
        shop=SHOPIFY,
        encoding="utf-16",
        columns={"id": "Id"},
    )

    assert "5901" not in lines


def test_a_pipe_is_read_although_it_can_be_read_only_once(
    settings: Settings, tmp_path: Path
) -> None:
    pipe = tmp_path / "orders"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("id,total\n7,5.00\n",))
    writer.start()

    lines, meta = outcome(settings, order("7", value_minor=500), shop="", file=pipe)

    writer.join()
    assert (lines, meta["orders"]["matched"]) == ({}, 1)
