"""Two reports of an order are of one day, the one on which the browser told of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batcher.load.key_index import KeyIndex
from batcher.load.late_orders import with_order_days
from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse import build
from warehouse.schema import DAILY_STATS, EVENTS, Event
from warehouse.tables import Warehouse

NEXT, LATER = DAY + timedelta(1), DAY + timedelta(40)


def order(day: Any = DAY, **changes: Any) -> Event:
    """Return an order that a browser reports."""
    plain = {"name": "order_placed", "order_key": 8, "day": day}
    return event(**{**plain, **changes})


def server(day: Any = NEXT, **changes: Any) -> Event:
    """Return the same order as the shop's server reports it, the next day."""
    return order(day, **{"server": True, "value_minor": 500, **changes})


def loaded(folder: Path, stored: list[Event], new: list[Event]) -> list[Event]:
    """Return *new* as they are looked at after *stored*."""
    table = Warehouse(folder).open(EVENTS)
    table.append(frame(stored))
    return events(with_order_days(frame(new), table, KeyIndex()))


@pytest.mark.parametrize(
    ("stored", "new", "expected"),
    [
        pytest.param([order()], [server()], [DAY], id="stored"),
        pytest.param([order()], [server(LATER)], [DAY], id="however long ago"),
        pytest.param([], [server(), order()], [DAY, DAY], id="in one load"),
        pytest.param([], [order(), server()], [DAY, DAY], id="in one load, in order"),
        pytest.param([order()], [server(DAY)], [DAY], id="of its day already"),
        pytest.param(
            [order(NEXT)], [server(DAY)], [DAY], id="the server's comes first"
        ),
        pytest.param(
            [], [server(DAY), order(NEXT)], [DAY, NEXT], id="also in one load"
        ),
        pytest.param([], [server()], [NEXT], id="no browser told"),
        pytest.param([server(DAY)], [order(NEXT)], [NEXT], id="a browser's stays"),
        pytest.param(
            [order(), server(DAY)], [server(NEXT)], [NEXT], id="told once already"
        ),
        pytest.param([order(site="blog")], [server()], [NEXT], id="another site"),
        pytest.param([order(order_key=9)], [server()], [NEXT], id="another order"),
        pytest.param(
            [order(order_key=None)],
            [server(order_key=None)],
            [NEXT],
            id="without a key",
        ),
        pytest.param(
            [order(name="order_refunded")], [server()], [NEXT], id="a refund is none"
        ),
        pytest.param(
            [order(NEXT)],
            [order(DAY), server(LATER)],
            [DAY, NEXT],
            id="stored outranks",
        ),
    ],
)
def test_a_servers_late_report_goes_to_the_day_of_the_order(
    tmp_path: Path, stored: list[Event], new: list[Event], expected: list[Any]
) -> None:
    assert [each.day for each in loaded(tmp_path, stored, new)] == expected


@pytest.mark.parametrize(("keyed", "actor"), [((), None), (("shop",), 5)])
def test_it_takes_the_time_and_loses_who_it_was(
    tmp_path: Path, keyed: tuple[str, ...], actor: int | None
) -> None:
    new = [event(day=NEXT, path="/a"), server(actor=5), event(day=NEXT, path="/b")]
    table = Warehouse(tmp_path).open(EVENTS)
    table.append(frame([order()]))
    got = events(with_order_days(frame(new), table, KeyIndex(), keyed=keyed))

    assert (got[1].at, got[1].visitor, got[1].actor) == (order().at, None, actor)
    assert (got[1].value_minor, got[1].server) == (500, True)
    assert [got[0], got[2]] == [new[0], new[2]]


def test_the_figures_are_the_servers_on_the_day_of_the_order(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    table = warehouse.open(EVENTS)
    table.append(frame([event(path="/a"), order(value_minor=7, currency="EUR")]))
    late = frame([server(currency="EUR")])
    table.append(with_order_days(late, table, KeyIndex()))
    rules = build.Rules(
        currencies={"shop": "EUR"}, zones={"shop": "UTC"}, value_limit=100
    )
    build.build(warehouse, rules, 0.0)
    stats = warehouse.view(DAILY_STATS).read()
    total = stats.filter(pl.col("dimension") == "total")

    assert total.select("day", "orders", "value_minor", "visitors").rows() == [
        (DAY, 1, 500, 1)
    ]
