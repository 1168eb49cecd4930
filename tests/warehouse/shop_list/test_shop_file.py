"""The list of the shop is read exactly or refused, and one row at a time."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config.errors import MillpondError
from tests.reports.sample_queries import SHOP
from warehouse.shop_list.shop_amounts import DecimalMark
from warehouse.shop_list.shop_file import (
    ColumnNameError,
    ListOptions,
    ShopFileError,
    ShopOrder,
    shop_orders,
)
from warehouse.shop_list.shop_formats import GENERAL, ListColumn

_HEAD = "order id,total,currency,date\n"
_NAMED = (ListColumn.CURRENCY, ListColumn.DATE)


def _read_orders(text: str, options: ListOptions | None = None) -> list[ShopOrder]:
    return [
        *shop_orders(text.splitlines(keepends=True), SHOP, options or ListOptions())
    ]


@pytest.mark.parametrize(
    "separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"]
)
def test_the_separator_is_detected(separator: str) -> None:
    text = '\ufeffOrder_ID,Note,Grand Total\r\n1001,"a;b",59.90\r\n\r\n'

    got = _read_orders(text.replace(",", separator).replace("a;b", "a,b;c"))

    assert got == [ShopOrder("1001", 5_990, "EUR", None)]


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (column, name)
        for column in (ListColumn.ID, ListColumn.TOTAL, *_NAMED)
        for name in GENERAL.columns[column]
    ],
)
def test_columns_are_known_by_what_shops_call_them(
    column: ListColumn, name: str
) -> None:
    columns = (ListColumn.ID, ListColumn.TOTAL, *_NAMED)
    names = {each: each.value for each in columns} | {column: name.title()}
    cells = {ListColumn.ID: "7", ListColumn.TOTAL: "1", ListColumn.CURRENCY: "USD"}
    others = {each: text for each, text in names.items() if each is not column}
    row = [cells.get(each, "2026-11-22") for each in columns]

    got = _read_orders(
        f"{','.join(names.values())}\n{','.join(row)}", ListOptions(others)
    )

    assert got == [ShopOrder("7", 100, "USD", date(2026, 11, 22))]


def test_a_column_named_in_an_option_wins() -> None:
    options = ListOptions({ListColumn.ID: "Name", ListColumn.TOTAL: "paid"})

    got = _read_orders("Id,Name,Total,Paid\n1,#1001,5,7", options)

    assert got == [ShopOrder("#1001", 700, "EUR", None)]


@pytest.mark.parametrize(
    ("text", "currency", "mark", "minor"),
    [
        pytest.param("59.90", "EUR", DecimalMark.POINT, 5_990, id="a point"),
        pytest.param("59,90", "EUR", DecimalMark.COMMA, 5_990, id="a comma"),
        pytest.param("1.005", "EUR", DecimalMark.POINT, 100, id="half to even"),
        pytest.param("7", "JPY", DecimalMark.POINT, 7, id="no decimals"),
        pytest.param("1.5", "KWD", DecimalMark.POINT, 1_500, id="three decimals"),
        pytest.param("-3", "EUR", DecimalMark.POINT, -300, id="a cancelled order"),
        pytest.param("9999999999.99", "EUR", DecimalMark.POINT, 10**12 - 1, id="large"),
    ],
)
def test_totals_are_exact(
    text: str, currency: str, mark: DecimalMark, minor: int
) -> None:
    row = f'1,"{text}",{currency.lower()},\n'

    (got,) = _read_orders(_HEAD + row, ListOptions(mark=mark))

    assert (got.minor, got.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param("2026-11-20", 20, id="a date"),
        pytest.param("2026-11-20 23:30:00", 20, id="a local time"),
        pytest.param("2026-11-20 23:30:00 +0000", 21, id="with an offset"),
        pytest.param("2026-11-20T23:30:00Z", 21, id="ISO 8601 in UTC"),
        pytest.param("2026-11-20 23:30:00 UTC", 21, id="UTC by name"),
    ],
)
def test_a_day_is_in_the_time_zone_of_the_site(text: str, day: int) -> None:
    assert _read_orders(f"{_HEAD}1,1,,{text}")[0].day == date(2026, 11, day)


@pytest.mark.parametrize(
    "further",
    [
        pytest.param("1,,,\n", id="with the id"),
        pytest.param(",,,red\n", id="without an id and a total"),
        pytest.param("1,5,EUR,2026-11-21\n", id="with the same total"),
    ],
)
def test_further_lines_of_an_order_are_no_orders(further: str) -> None:
    text = _HEAD + "1,5.00,EUR,2026-11-20\n" + further + "2,6,,\n" + further

    assert [(order.id, order.minor) for order in _read_orders(text)] == [
        ("1", 500),
        ("2", 600),
    ]


def test_the_line_with_the_separator_of_a_spreadsheet_is_no_header() -> None:
    got = _read_orders("\ufeffsep=;\r\nOrder #;Total\r\n1001;1.234,50\r\n")

    assert got == [ShopOrder("1001", 123_450, "EUR", None)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "no column for the order's id", id="empty"),
        pytest.param("total\n5", "no column for the order's id", id="no id"),
        pytest.param("order id\n5", "no column for the order's total", id="no total"),
        pytest.param(
            _HEAD + "1,,EUR,", "row 2: the row has no total", id="an empty total"
        ),
        pytest.param(
            _HEAD + ",1,EUR,", "row 2: the row has no order id", id="an empty id"
        ),
        pytest.param(
            _HEAD + "1,1,EUR,\n1,2,EUR,", "row 3: an earlier row has", id="two totals"
        ),
        pytest.param(
            _HEAD + "1,1,EUR,\n1,1,USD,",
            "row 3: an earlier row has",
            id="two currencies",
        ),
        pytest.param(_HEAD + "1,1,XXX,", "row 2: unknown currency", id="currency"),
        pytest.param(_HEAD + '1,"1,234",,', "--decimal comma", id="two meanings"),
        pytest.param(_HEAD + "1,£5,,", "--currency-column", id="another currency"),
        pytest.param(_HEAD + "1,1e3,,", "not a number", id="an exponent"),
        pytest.param(_HEAD + "1,٣,,", "not a number", id="other digits"),
        pytest.param(_HEAD + "1,5 pcs,,", "not a number", id="a word"),
        pytest.param(_HEAD + "1,99999999999,,", "over 10,000,000,000", id="too much"),
        pytest.param(_HEAD + "1,1,EUR,2211", "row 2: the date has no", id="date"),
        pytest.param(_HEAD + "1,1,EUR,03/04/2026", "--dates", id="which is the month"),
        pytest.param(_HEAD + "1,1", "row 2: the row has fewer cells", id="a short row"),
        pytest.param(
            _HEAD + "1,12,EUR,2026-11-20,34",
            "row 2: the row has more cells",
            id="long row",
        ),
        pytest.param(_HEAD + '1,"1', "not a CSV file", id="an open quote"),
    ],
)
def test_an_error_in_the_list_is_named_and_not_quoted(text: str, message: str) -> None:
    with pytest.raises(ShopFileError) as raised:
        _read_orders(text)

    assert message in str(raised.value)
    assert raised.value.exit_code == 3


def test_a_missing_named_column_is_a_usage_error() -> None:
    with pytest.raises(ColumnNameError, match="--id-column") as raised:
        _read_orders(_HEAD + "1,1,,", ListOptions({ListColumn.ID: "nosuch"}))

    assert raised.value.exit_code == 2


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(_HEAD.encode() + b"\xff\xfe,1,,\n")

    with (
        path.open(encoding="utf-8", newline="") as lines,
        pytest.raises(MillpondError, match="not text in UTF-8"),
    ):
        [*shop_orders(lines, SHOP, ListOptions())]


def test_rows_are_read_one_at_a_time() -> None:
    read_rows = []

    def lines() -> Iterator[str]:
        yield _HEAD
        for number in range(1_000_000):
            read_rows.append(number)
            yield f"{number},1.00,EUR,2026-11-20\n"

    orders = shop_orders(lines(), SHOP, ListOptions())

    assert [next(orders).id, next(orders).id] == ["0", "1"]
    assert len(read_rows) == 2
