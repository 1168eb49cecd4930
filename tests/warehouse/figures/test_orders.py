"""What is told twice of an order is one order, and refunds stay within it."""

from typing import Any

import pytest

from tests.warehouse.day import Row, event, frame
from warehouse.figures.sessionize import SessionizedDay, sessionize

PLACED: Row = {"name": "order_placed", "order_key": 1, "currency": "EUR"}
REFUNDED: Row = {"name": "order_refunded", "order_key": 1, "currency": "EUR"}
SERVER: Row = {"server": True, "visitor": None}


def day_of(*events: Row) -> SessionizedDay:
    """Return the events sessionized, the same whichever way round they come."""
    day, turned = sessionize(frame(events)), sessionize(frame(reversed(events)))
    for name in ("orders", "refunds"):
        got, other = (
            getattr(each, name).sort("at", "server").drop("session")
            for each in (day, turned)
        )
        assert got.equals(other)
    return day


def only(day: SessionizedDay, *names: str) -> Any:
    """Return columns of the only order of the day."""
    (row,) = day.orders.select(names).rows()
    return row if len(names) > 1 else row[0]


@pytest.mark.parametrize("server", ["11:59", "12:05"], ids=["before", "after"])
def test_the_figures_are_the_servers_and_the_place_the_browsers(server: str) -> None:
    items = [{"product": "p", "variant": None, "quantity": 1, "price_minor": 9}]
    day = day_of(
        event("12:00", source="A"),
        event("12:01", **PLACED, value_minor=999_999, coupon="FAKE", path="/thanks"),
        event(server, **PLACED, **SERVER, value_minor=500, items=items, path=None),
    )

    assert only(day, "value_minor", "items", "session", "path") == (
        *(500, items, 0, "/thanks"),
    )


def test_a_servers_order_of_its_own_session_needs_no_browser() -> None:
    seen = SERVER | {"visitor": 1}
    day = day_of(
        event("12:00"),
        event("12:05", **PLACED, **seen, value_minor=5),
        event("18:00", visitor=2),
        event("18:01", **PLACED, visitor=2, value_minor=7),
    )

    # The page that says thank you was opened again, elsewhere, in the evening.
    assert only(day, "session", "value_minor") == (0, 5)


def test_without_a_session_an_order_goes_by_what_the_browser_says() -> None:
    day = day_of(
        event("12:05", **PLACED, **SERVER, source=None),
        event("12:09", **PLACED, visitor=None, source="A"),
    )

    assert only(day, "source", "server") == ("A", False)


@pytest.mark.parametrize(
    ("told", "currency", "expected"),
    [
        pytest.param(None, "EUR", (700, "EUR", 3), id="no value, the same currency"),
        pytest.param(500, "EUR", (500, "EUR", 3), id="a value, no tax"),
        pytest.param(500, "USD", (500, "USD", None), id="another currency"),
        pytest.param(None, "USD", (700, "EUR", 3), id="no value, another currency"),
    ],
)
def test_what_the_server_leaves_unsaid_the_browser_fills(
    told: int | None, currency: str, expected: tuple[Any, ...]
) -> None:
    day = day_of(
        event(**PLACED, value_minor=700, tax_minor=3),
        event(**PLACED | {"currency": currency}, **SERVER, value_minor=told),
    )

    assert only(day, "value_minor", "currency", "tax_minor") == expected


def test_orders_without_a_key_and_of_other_sites_are_orders_of_their_own() -> None:
    no_key = PLACED | {"order_key": None}

    day = day_of(
        event(**PLACED),
        event("06:00", **PLACED, site="blog"),
        *(event(clock, **no_key) for clock in ("13:00", "14:00")),
    )

    assert day.orders.height == 4


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        pytest.param([None], [500], id="without an amount all"),
        pytest.param([120, 80], [120, 80], id="in parts"),
        pytest.param([120, None, None], [120, 380, 0], id="the rest, and no more"),
        pytest.param([400, 400], [400, 100], id="never above the order"),
        pytest.param([0], [0], id="nothing"),
    ],
)
def test_refunds_take_back_at_most_the_order(
    asked: list[int | None], taken: list[int]
) -> None:
    refunds = [
        event(f"{13 + n}:00", **REFUNDED, **SERVER, refund_minor=amount)
        for n, amount in enumerate(asked)
    ]

    day = day_of(event(**PLACED, value_minor=500), *refunds)

    assert day.refunds.sort("at")["refund_minor"].to_list() == taken


@pytest.mark.parametrize(
    ("order", "refund", "expected"),
    [
        pytest.param({"order_key": 2}, {"refund_minor": 9}, (9, "EUR"), id="unknown"),
        pytest.param({"order_key": 2}, {}, (0, "EUR"), id="unknown, no amount"),
        pytest.param(
            {"value_minor": None}, {"refund_minor": 9}, (9, "EUR"), id="worth unknown"
        ),
        pytest.param(
            {},
            {"refund_minor": 900, "currency": "USD"},
            (900, "USD"),
            id="incomparable",
        ),
        pytest.param({}, {"currency": "USD"}, (500, "EUR"), id="all, in its currency"),
        pytest.param(
            {}, {"order_key": None, "refund_minor": 900}, (900, "EUR"), id="no key"
        ),
    ],
)
def test_a_refund_that_cannot_be_compared_is_taken_at_its_word(
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
