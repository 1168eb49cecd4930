"""Native events of orders, one JSON object a line, are filed at their own times."""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.errors import MillpondError
from config.settings import Settings
from proxy.history.orders.tally import Unfiled
from tests.proxy.history.orders.order_imports import (
    NOON,
    Figures,
    figures,
    live,
    rows_of,
    run,
    store_live,
    write_key,
    write_list,
)

DAY = date(2026, 11, 20)
PLACED: dict[str, Any] = {
    "name": "order_placed",
    "at": "2026-11-20T10:00:00Z",
    "order": {"id": "7", "value": 10.5, "currency": "EUR"},
}
REFUND: dict[str, Any] = {
    "name": "order_refunded",
    "at": "2026-11-20T11:00:00Z",
    "order": {"id": "7", "refund": 4},
}


def write_lines(settings: Settings, events: Iterable[object]) -> Path:
    """Write *events* as lines of JSON."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in events)
    return write_list(settings, "".join(f"{line}\n" for line in lines), "events.jsonl")


def test_orders_and_refunds_count_on_their_own_days(settings: Settings) -> None:
    later = REFUND | {"at": "2026-11-22T09:00:00Z", "id": "r-2"}
    items = [{"product": "mug", "quantity": 2, "price": 5.25}]
    placed = PLACED | {"order": PLACED["order"] | {"items": items, "coupon": "SPRING"}}

    tally = run(settings, write_lines(settings, [placed, REFUND, "", later])).tally

    assert (tally.read, tally.filed, tally.refunds) == (3, 1, 2)
    assert figures(settings) == {
        DAY: Figures(1, 1_050, 1, 400),
        date(2026, 11, 22): Figures(0, 0, 1, 400),
    }
    [order] = rows_of(settings).filter(name="order_placed").to_dicts()
    assert (order["coupon"], order["items"][0]["product"]) == ("SPRING", "mug")
    assert (order["at"].timestamp(), order["late"]) == (
        NOON - 3 * 86_400 - 7_200,
        False,
    )


def test_importing_lines_again_changes_nothing(settings: Settings) -> None:
    file = write_lines(settings, [PLACED, REFUND])
    run(settings, file)
    before = rows_of(settings)

    tally = run(settings, file).tally

    assert (tally.filed, tally.refunds, tally.stored_before) == (0, 0, 2)
    assert rows_of(settings).equals(before)


@pytest.mark.parametrize(
    ("server", "minor", "filed", "expected"),
    [
        pytest.param(True, 1_050, 0, 1_050, id="by the server"),
        pytest.param(True, 1_000, 0, 1_000, id="by the server, another amount"),
        pytest.param(False, 1, 1, 1_050, id="by a browser"),
    ],
)
def test_an_order_that_was_reported_live_counts_once(
    settings: Settings, *, server: bool, minor: int, filed: int, expected: int
) -> None:
    write_key(settings)
    store_live(settings, [live("7", DAY, value_minor=minor, server=server)])

    tally = run(settings, write_lines(settings, [PLACED])).tally

    assert tally.filed == filed
    assert figures(settings) == {DAY: Figures(1, expected, 0, 0)}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        pytest.param(PLACED | {"at": None}, Unfiled.NO_DATE, id="no time"),
        pytest.param(PLACED | {"at": "soon"}, Unfiled.NO_DATE, id="no real time"),
        pytest.param(PLACED | {"at": 1e12}, Unfiled.TOO_OLD, id="2001"),
        pytest.param(PLACED | {"at": -1e12}, Unfiled.TOO_OLD, id="before 1970"),
        pytest.param(PLACED | {"at": 1.8e12}, Unfiled.FUTURE, id="2027"),
        pytest.param(PLACED | {"site": "blog"}, Unfiled.OTHER_SITE, id="another site"),
        pytest.param(PLACED | {"order": {}}, Unfiled.NO_ID, id="no order id"),
        pytest.param(PLACED | {"name": "signup"}, Unfiled.NO_ORDER, id="another event"),
        pytest.param(
            PLACED | {"order": {"id": "8", "value": -1}},
            "dropped: bad_order",
            id="a negative value",
        ),
        pytest.param(PLACED | {"order": 7}, Unfiled.UNREADABLE, id="a wrong type"),
        pytest.param("{oops", Unfiled.UNREADABLE, id="no JSON"),
        pytest.param(PLACED | {"optout": True}, None, id="an objection"),
    ],
)
def test_what_is_not_filed_is_named(
    settings: Settings, event: object, why: str | None
) -> None:
    tally = run(settings, write_lines(settings, [PLACED, event])).tally

    assert (tally.filed, tally.read) == (1, 2)
    assert tally.unfiled == ({} if why is None else {why: 1})


def test_a_customer_of_an_event_is_not_stored(settings: Settings) -> None:
    person = {
        "actor": "customer-canary",
        "visitor": {"address": "203.0.113.77", "user_agent": "Canary"},
        "referrer": "https://news.example/",
        "url": "https://shop.example/thanks?utm_source=news",
        "props": {"email": "a@shop.example"},
    }

    run(settings, write_lines(settings, [PLACED | person]))

    columns = ("visitor", "actor", "source", "channel", "referrer", "path", "props")
    assert rows_of(settings).select(columns).rows() == [(None,) * len(columns)]


def test_lines_that_are_no_events_are_an_error(settings: Settings) -> None:
    with pytest.raises(MillpondError, match="no line is a native event") as caught:
        run(settings, write_lines(settings, ["{1}", "{2}"]))

    assert caught.value.exit_code == 3
