"""What is left of an order for refunds that were stored before it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.warehouse.day_frames import DAY, Row, event, frame
from warehouse.figures.open_refunds import rests_of_orders

ORDER: Row = {"name": "order_placed", "order_key": 1, "currency": "EUR"}


def placed(minor: int | None = 4_000, **changes: Any) -> Row:
    """Return a report of the order."""
    return event(**{**ORDER, "value_minor": minor, "visitor": None, **changes})


def refund(days_later: int, minor: int | None = None, **changes: Any) -> Row:
    """Return a refund of the order, open without an amount."""
    of_order = {**ORDER, "name": "order_refunded", "refund_minor": minor, **changes}
    return event("20:00", day=DAY + timedelta(days_later), visitor=None, **of_order)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([placed(), refund(1)], [(1, 4_000)], id="all of it"),
        pytest.param([placed(), refund(2), refund(1)], [(1, 4_000)], id="the first"),
        pytest.param(
            [placed(), refund(1), refund(2, 3_000)], [(1, 1_000)], id="after amounts"
        ),
        pytest.param(
            [placed(), refund(1), refund(2, 9_000)], [(1, 0)], id="never below zero"
        ),
        pytest.param(
            [placed(), refund(0, 9_000), refund(-1, None)], [(-1, 0)], id="own day"
        ),
        pytest.param(
            [placed(), refund(0), refund(1)], [(1, 0)], id="open on the own day"
        ),
        pytest.param(
            [placed(), refund(1), refund(2, 50, currency="USD")],
            [(1, 4_000)],
            id="another currency",
        ),
        pytest.param(
            [placed(), placed(3_500, server=True), refund(1)],
            [(1, 3_500)],
            id="the server's value",
        ),
        pytest.param(
            [
                placed(),
                refund(1),
                refund(2, 3_000, event_id=7),
                refund(2, 3_000, event_id=7),
            ],
            [(1, 1_000)],
            id="a message once",
        ),
        pytest.param([placed(None), refund(1)], [], id="an order without a value"),
        pytest.param([refund(1)], [], id="no order"),
        pytest.param([placed(), refund(0)], [], id="the build of the day does it"),
        pytest.param([placed(), refund(1, site="blog")], [], id="another site"),
        pytest.param([placed(), refund(1, 3_000)], [], id="nothing is open"),
    ],
)
def test_the_first_open_refund_takes_what_is_left(
    rows: list[Row], expected: list[tuple[int, int]]
) -> None:
    for ordered in (rows, rows[::-1]):
        got = rests_of_orders(frame(ordered)).select("day", "rest_minor").rows()
        assert got == [(DAY + timedelta(days), rest) for days, rest in expected]
