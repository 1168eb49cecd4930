"""A date is read in its only meaning, or the meaning is asked for."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from warehouse.shop_list.shop_dates import DateOrder, local_moment, shown_order
from warehouse.shop_list.unreadable import UnreadableCellError

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-20", 20),
        ("2026/11/20", 20),
        ("20261120", 20),
        ("2026-11-20 23:30", 20),
        ("2026-11-20T23:30:00.123456+00:00", 21),
        ("2026-11-20 23:30:00+00", 21),
        ("2026-11-20 23:30:00 UTC", 21),
        ("2026-11-21 00:30:00 +0200", 20),
        ("20.11.2026", 20),
        ("20.11.2026 23:30:01", 20),
        ("11/20/2026", 20),
        ("20/11/2026", 20),
        ("11/11/2026", 11),
        ("11/20/2026 11:30 PM", 20),
        ("Nov 20, 2026 11:30:00 PM", 20),
        ("20 November 2026", 20),
        ("Fri, 20 Nov 2026 23:30:00 GMT", 21),
    ],
)
def test_a_date_is_the_sites(text: str, day: int) -> None:
    assert local_moment(text, BERLIN, None, is_utc=False).day == date(2026, 11, day)


def test_a_column_in_utc_is_converted_without_an_offset() -> None:
    day = local_moment("2026-11-20 23:30", BERLIN, None, is_utc=True).day

    assert day == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("order", "expected"),
    [(DateOrder.DAY, date(2026, 4, 3)), (DateOrder.MONTH, date(2026, 3, 4))],
)
def test_the_order_of_the_list_decides(order: DateOrder, expected: date) -> None:
    assert local_moment("03/04/2026", BERLIN, order, is_utc=False).day == expected


@pytest.mark.parametrize(
    ("text", "order", "problem"),
    [
        ("03/04/2026", None, "the day or with the month"),
        ("20/11/2026", DateOrder.MONTH, "is day-first, not month-first"),
        ("32.11.2026", None, "no known form"),
        ("20/31/2026", None, "the day or with the month"),
        ("20.11.26", None, "no known form"),
        ("20 Smarch 2026", None, "no known form"),
        ("2026-11-20 25:00 UTC", None, "no known form"),
        ("soon", None, "no known form"),
    ],
)
def test_any_other_date_is_refused(
    text: str, order: DateOrder | None, problem: str
) -> None:
    with pytest.raises(UnreadableCellError, match=problem):
        local_moment(text, BERLIN, order, is_utc=False)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("20/11/2026", DateOrder.DAY),
        ("11/20/2026 10:00", DateOrder.MONTH),
        ("03/04/2026", None),
        ("20.11.2026", None),
        ("", None),
    ],
)
def test_an_order_is_shown_only_beyond_doubt(
    text: str, order: DateOrder | None
) -> None:
    assert shown_order(text) is order
