"""Two reports of an order are stored on the day of the browser's report."""

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
    """Return an order reported by a browser."""
    defaults = {"name": "order_placed", "order_key": 8, "day": day}
    return event(**{**defaults, **changes})


def server(day: Any = NEXT, **changes: Any) -> Event:
    """Return the same order, reported by the server on the next day."""
    return order(day, **{"server": True, "value_minor": 500, **changes})


def load_rows(folder: Path, stored: list[Event], new: list[Event]) -> list[Event]:
    """Return the rows of *new* with their days, when *stored* is in the table."""
    table = Warehouse(folder).open(EVENTS)
    table.append(frame(stored))
    return events(with_order_days(frame(new), table, KeyIndex()))


@pytest.mark.parametrize(
    ("stored", "new", "expected"),
    [
        pytest.param([order()], [server()], [DAY], id="stored"),
        pytest.param([order()], [server(LATER)], [DAY], id="long ago"),
        pytest.param(
            [], [server(), order()], [DAY, DAY], id="in one load, server first"
        ),
        pytest.param(
            [], [order(), server()], [DAY, DAY], id="in one load, browser first"
        ),
        pytest.param([order()], [server(DAY)], [DAY], id="on the same day"),
        pytest.param(
            [order(NEXT)], [server(DAY)], [DAY], id="server report on an earlier day"
        ),
        pytest.param(
            [],
            [server(DAY), order(NEXT)],
            [DAY, NEXT],
            id="server report on an earlier day, in one load",
        ),
        pytest.param([], [server()], [NEXT], id="no browser report"),
        pytest.param(
            [server(DAY)], [order(NEXT)], [NEXT], id="a browser report stays on its day"
        ),
        pytest.param(
            [order(), server(DAY)], [server(NEXT)], [NEXT], id="a second server report"
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
            [order(name="order_refunded")],
            [server()],
            [NEXT],
            id="a refund is no order",
        ),
        pytest.param(
            [order(NEXT)],
            [order(DAY), server(LATER)],
            [DAY, NEXT],
            id="the stored report has priority",
        ),
    ],
)
def test_a_late_server_report_is_stored_on_the_day_of_the_order(
    tmp_path: Path, stored: list[Event], new: list[Event], expected: list[Any]
) -> None:
    assert [row.day for row in load_rows(tmp_path, stored, new)] == expected


@pytest.mark.parametrize(("keyed", "actor"), [((), None), (("shop",), 5)])
def test_a_moved_report_gets_the_time_of_the_order_and_loses_its_visitor(
    tmp_path: Path, keyed: tuple[str, ...], actor: int | None
) -> None:
    new = [event(day=NEXT, path="/a"), server(actor=5), event(day=NEXT, path="/b")]
    table = Warehouse(tmp_path).open(EVENTS)
    table.append(frame([order()]))
    got = events(with_order_days(frame(new), table, KeyIndex(), keyed=keyed))

    assert (got[1].at, got[1].visitor, got[1].actor) == (order().at, None, actor)
    assert (got[1].value_minor, got[1].server) == (500, True)
    assert [got[0], got[2]] == [new[0], new[2]]


def test_the_figures_of_the_server_count_on_the_day_of_the_order(
    tmp_path: Path,
) -> None:
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
