"""A refund that names only its order takes back what is left of it, whenever it was."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batcher.load.key_index import SeenKeys
from batcher.load.refunds import with_amounts
from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.schema import EVENTS, Event
from warehouse.tables import Warehouse

LATER, LATEST = DAY + timedelta(30), DAY + timedelta(31)


def order(value: int | None = 500, **changes: Any) -> Event:
    """Return an order placed on DAY."""
    plain = {"name": "order_placed", "order_key": 8, "currency": "EUR"}
    return event(**{**plain, "value_minor": value, **changes})


def refund(amount: int | None = None, **changes: Any) -> Event:
    """Return a refund of it, a month later."""
    plain = {"name": "order_refunded", "order_key": 8, "server": True, "day": LATER}
    currency = None if amount is None else "EUR"
    return event(**{**plain, "refund_minor": amount, "currency": currency, **changes})


def loaded(folder: Path, stored: list[Event], new: list[Event]) -> list[Event]:
    """Return *new* as they are stored after *stored*."""
    table = Warehouse(folder).open(EVENTS)
    table.append(frame(stored))
    return events(with_amounts(frame(new), table, SeenKeys()))


@pytest.mark.parametrize(
    ("stored", "new", "expected"),
    [
        pytest.param([order()], [refund()], [500], id="all of it"),
        pytest.param(
            [order(), refund(120)], [refund(day=LATEST)], [380], id="the rest"
        ),
        pytest.param(
            [order()], [refund(), refund(day=LATEST)], [500, 0], id="only once"
        ),
        pytest.param(
            [order()], [refund(120), refund(day=LATEST)], [120, 380], id="of this load"
        ),
        pytest.param([order(), refund(900)], [refund(day=LATEST)], [0], id="no less"),
        pytest.param(
            [order(), refund(day=DAY)], [refund()], [0], id="all went on its own day"
        ),
        pytest.param(
            [order(), refund(7, currency="USD")],
            [refund(day=LATEST)],
            [500],
            id="what cannot be compared takes nothing",
        ),
        pytest.param(
            [order(), order(450, server=True)], [refund()], [450], id="the server's"
        ),
        pytest.param(
            [order(), order(None, server=True)], [refund()], [500], id="if it says"
        ),
        pytest.param([], [order(), refund()], [None, 500], id="order of this load"),
        pytest.param([order()], [refund(90)], [90], id="a named amount stays"),
        pytest.param(
            [order()], [refund(day=DAY)], [None], id="of its day: the build's"
        ),
        pytest.param([order(site="blog")], [refund()], [None], id="of another site"),
        pytest.param([order(order_key=9)], [refund()], [None], id="of another order"),
        pytest.param([order(None)], [refund()], [None], id="worth unknown"),
        pytest.param([], [refund()], [None], id="of no order"),
        pytest.param([order()], [refund(order_key=None)], [None], id="of no key"),
    ],
)
def test_a_refund_without_an_amount_takes_back_what_is_left(
    tmp_path: Path, stored: list[Event], new: list[Event], expected: list[int | None]
) -> None:
    got = loaded(tmp_path, stored, new)

    assert [each.refund_minor for each in got] == expected
    assert {each.currency for each in got if each.refund_minor} <= {"EUR"}


def test_nothing_else_of_what_is_loaded_changes(tmp_path: Path) -> None:
    new = [event(path="/a"), refund(), event(path="/b"), order(order_key=9)]
    got = loaded(tmp_path, [order(currency="SEK")], new)

    assert (got[1].refund_minor, got[1].currency) == (500, "SEK")
    assert [got[0], *got[2:]] == [new[0], *new[2:]]
