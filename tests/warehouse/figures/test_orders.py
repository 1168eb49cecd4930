"""Two reports of an order are one order, and refunds never exceed the order."""

from typing import Any

import pytest

from tests.warehouse.day_frames import Row, event, frame
from warehouse.figures.sessionize import SessionizedDay, sessionize

PLACED: Row = {"name": "order_placed", "order_key": 1, "currency": "EUR"}
REFUNDED: Row = {"name": "order_refunded", "order_key": 1, "currency": "EUR"}
SERVER: Row = {"server": True, "visitor": None}


def day_of(*events: Row) -> SessionizedDay:
    """Return the sessionized events; check that their order changes nothing."""
    day, reversed_day = sessionize(frame(events)), sessionize(frame(reversed(events)))
    for name in ("orders", "refunds"):
        got, other = (
            getattr(sessionized, name).sort("at", "server").drop("session")
            for sessionized in (day, reversed_day)
        )
        assert got.equals(other)
    return day


def only_order(day: SessionizedDay, *names: str) -> Any:
    """Return columns of the day's only order."""
    (row,) = day.orders.select(names).rows()
    return row if len(names) > 1 else row[0]


@pytest.mark.parametrize("server", ["11:59", "12:05"], ids=["before", "after"])
def test_an_order_has_the_figures_of_the_server_and_the_place_of_the_browser(
    server: str,
) -> None:
    items = [{"product": "p", "variant": None, "quantity": 1, "price_minor": 9}]
    day = day_of(
        event("12:00", source="A"),
        event("12:01", **PLACED, value_minor=999_999, coupon="FAKE", path="/thanks"),
        event(server, **PLACED, **SERVER, value_minor=500, items=items, path=None),
    )

    assert only_order(day, "value_minor", "items", "session", "path") == (
        *(500, items, 0, "/thanks"),
    )


def test_a_server_order_with_a_session_needs_no_browser_report() -> None:
    with_visitor = SERVER | {"visitor": 1}
    day = day_of(
        event("12:00"),
        event("12:05", **PLACED, **with_visitor, value_minor=5),
        event("18:00", visitor=2),
        event("18:01", **PLACED, visitor=2, value_minor=7),
    )

    # The thank-you page was opened again in the evening, in another browser.
    assert only_order(day, "session", "value_minor") == (0, 5)


def test_without_a_session_an_order_has_the_place_of_the_browser_report() -> None:
    day = day_of(
        event("12:05", **PLACED, **SERVER, source=None),
        event("12:09", **PLACED, visitor=None, source="A"),
    )

    assert only_order(day, "source", "server") == ("A", False)


@pytest.mark.parametrize(
    ("server_minor", "currency", "expected"),
    [
        pytest.param(None, "EUR", (700, "EUR", 3), id="no value, the same currency"),
        pytest.param(500, "EUR", (500, "EUR", 3), id="a value, no tax"),
        pytest.param(500, "USD", (500, "USD", None), id="another currency"),
        pytest.param(None, "USD", (700, "EUR", 3), id="no value, another currency"),
    ],
)
def test_figures_missing_from_the_server_come_from_the_browser(
    server_minor: int | None, currency: str, expected: tuple[Any, ...]
) -> None:
    day = day_of(
        event(**PLACED, value_minor=700, tax_minor=3),
        event(**PLACED | {"currency": currency}, **SERVER, value_minor=server_minor),
    )

    assert only_order(day, "value_minor", "currency", "tax_minor") == expected


@pytest.mark.parametrize(
    ("of_server", "of_browser", "expected"),
    [
        pytest.param(True, False, 700, id="a browser's total before a server's sum"),
        pytest.param(True, True, 500, id="the server's of two sums"),
        pytest.param(False, True, 500, id="the server's total"),
    ],
)
def test_a_total_comes_before_a_sum_of_lines(
    *, of_server: bool, of_browser: bool, expected: int
) -> None:
    day = day_of(
        event(**PLACED, value_minor=700, amount_from_items=of_browser),
        event(**PLACED, **SERVER, value_minor=500, amount_from_items=of_server),
    )

    assert only_order(day, "value_minor") == expected


def test_orders_without_a_key_and_of_other_sites_are_separate() -> None:
    no_key = PLACED | {"order_key": None}

    day = day_of(
        event(**PLACED),
        event("06:00", **PLACED, site="blog"),
        *(event(clock, **no_key) for clock in ("13:00", "14:00")),
    )

    assert day.orders.height == 4


@pytest.mark.parametrize(
    ("requested", "refunded"),
    [
        pytest.param([None], [500], id="no amount: the whole order"),
        pytest.param([120, 80], [120, 80], id="in parts"),
        pytest.param([120, None, None], [120, 380, 0], id="the rest, then nothing"),
        pytest.param([400, 400], [400, 100], id="at most the order"),
        pytest.param([0], [0], id="nothing"),
    ],
)
def test_refunds_are_at_most_the_order(
    requested: list[int | None], refunded: list[int]
) -> None:
    refunds = [
        event(f"{13 + n}:00", **REFUNDED, **SERVER, refund_minor=amount)
        for n, amount in enumerate(requested)
    ]

    day = day_of(event(**PLACED, value_minor=500), *refunds)

    assert day.refunds.sort("at")["refund_minor"].to_list() == refunded


@pytest.mark.parametrize(
    ("order", "refund", "expected"),
    [
        pytest.param(
            {"order_key": 2}, {"refund_minor": 9}, (9, "EUR"), id="unknown order"
        ),
        pytest.param({"order_key": 2}, {}, (0, "EUR"), id="unknown order, no amount"),
        pytest.param(
            {"value_minor": None},
            {"refund_minor": 9},
            (9, "EUR"),
            id="order of unknown value",
        ),
        pytest.param(
            {},
            {"refund_minor": 900, "currency": "USD"},
            (900, "USD"),
            id="another currency",
        ),
        pytest.param(
            {}, {"currency": "USD"}, (500, "EUR"), id="the whole order, in its currency"
        ),
        pytest.param(
            {}, {"order_key": None, "refund_minor": 900}, (900, "EUR"), id="no key"
        ),
    ],
)
def test_a_refund_that_cannot_be_compared_keeps_its_amount(
    order: Row, refund: Row, expected: tuple[int, str]
) -> None:
    day = day_of(
        event(**{**PLACED, "value_minor": 500, **order}),
        event("18:00", **{**REFUNDED, **SERVER, **refund}),
    )

    assert day.refunds.select("refund_minor", "currency").rows() == [expected]


def test_a_refund_of_a_message_sent_twice_counts_once() -> None:
    refund = event("18:00", **REFUNDED, event_id=7, refund_minor=10)

    assert day_of(refund, refund).refunds.height == 1
