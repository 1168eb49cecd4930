"""A refund takes back no more than what is left of its order, whenever it was."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcher.load.key_index import KeyIndex
from batcher.load.refunds import with_amounts
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import spool_events
from tests.hypothesis_settings import few_examples
from tests.load_and_build import load_and_build
from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.figures.orders import merged_orders, resolved_refunds
from warehouse.schema import DAILY_STATS, EVENTS, Event, Hash64, UtcSeconds
from warehouse.tables import Warehouse

LATER, LATEST = DAY + timedelta(30), DAY + timedelta(31)


def order(value: int | None = 500, **changes: Any) -> Event:
    """Return an order of ``DAY``."""
    defaults = {"name": "order_placed", "order_key": 8, "currency": "EUR"}
    return event(**{**defaults, "value_minor": value, **changes})


def refund(amount: int | None = None, **changes: Any) -> Event:
    """Return a refund of the order, a month later."""
    defaults = {"name": "order_refunded", "order_key": 8, "server": True, "day": LATER}
    currency = None if amount is None else "EUR"
    return event(
        **{**defaults, "refund_minor": amount, "currency": currency, **changes}
    )


def load_rows(folder: Path, stored: list[Event], new: list[Event]) -> list[Event]:
    """Return *new* with amounts, when *stored* is in the table."""
    table = Warehouse(folder).open(EVENTS)
    table.append(frame(stored))
    return events(with_amounts(frame(new), table, KeyIndex()))


@pytest.mark.parametrize(
    ("stored", "new", "expected"),
    [
        pytest.param([order()], [refund()], [500], id="the whole order"),
        pytest.param(
            [order(), refund(120)], [refund(day=LATEST)], [380], id="the rest"
        ),
        pytest.param(
            [order()], [refund(), refund(day=LATEST)], [500, 0], id="only once"
        ),
        pytest.param(
            [order()],
            [refund(120), refund(day=LATEST)],
            [120, 380],
            id="after a refund in the same load",
        ),
        pytest.param(
            [order(), order(700, order_key=9, day=DAY + timedelta(1))],
            [refund(order_key=9), refund()],
            [700, 500],
            id="two orders of different days",
        ),
        pytest.param(
            [order(), refund(900)], [refund(day=LATEST)], [0], id="at least zero"
        ),
        pytest.param(
            [order(), refund(day=DAY)],
            [refund()],
            [0],
            id="refunded on the day of the order",
        ),
        pytest.param(
            [order(), refund(7, currency="USD")],
            [refund(day=LATEST)],
            [500],
            id="a refund in another currency does not count",
        ),
        pytest.param(
            [order(), order(450, server=True)],
            [refund()],
            [450],
            id="the amount of the server",
        ),
        pytest.param(
            [order(), order(None, server=True)],
            [refund()],
            [500],
            id="the server reports no amount",
        ),
        pytest.param([], [order(), refund()], [None, 500], id="order of this load"),
        pytest.param([order()], [refund(90)], [90], id="a named amount stays"),
        pytest.param([order()], [refund(900)], [500], id="no more than the order"),
        pytest.param(
            [order(), refund(300)], [refund(400, day=LATEST)], [200], id="no more left"
        ),
        pytest.param(
            [order(), refund(300)], [refund(400, day=DAY)], [200], id="arrived late"
        ),
        pytest.param(
            [order(), refund(300)], [refund(day=DAY)], [200], id="the rest, late"
        ),
        pytest.param(
            [order(), refund(300, day=DAY)],
            [refund(400, day=DAY)],
            [400],
            id="all of its day: the build's",
        ),
        pytest.param(
            [refund(300)], [order(), refund(400)], [None, 200], id="order late"
        ),
        pytest.param(
            [order(4_000)],
            [refund(3_000), refund(day=LATEST), refund(4_000, day=LATEST)],
            [3_000, 1_000, 0],
            id="40: 30, the rest, 40",
        ),
        pytest.param(
            [], [order(), refund()], [None, 500], id="an order in the same load"
        ),
        pytest.param([order()], [refund(90)], [90], id="an amount stays"),
        pytest.param(
            [order()], [refund(day=DAY)], [None], id="same day: left to the build"
        ),
        pytest.param([order(site="blog")], [refund()], [None], id="another site"),
        pytest.param([order(order_key=9)], [refund()], [None], id="another order"),
        pytest.param([order(None)], [refund()], [None], id="an order of unknown value"),
        pytest.param([], [refund()], [None], id="no order"),
        pytest.param([order()], [refund(order_key=None)], [None], id="no order key"),
    ],
)
def test_a_refund_takes_back_at_most_what_is_left(
    tmp_path: Path, stored: list[Event], new: list[Event], expected: list[int | None]
) -> None:
    got = load_rows(tmp_path, stored, new)

    assert [row.refund_minor for row in got] == expected
    assert {row.currency for row in got if row.refund_minor} <= {"EUR"}


def test_other_rows_are_loaded_unchanged(tmp_path: Path) -> None:
    new = [event(path="/a"), refund(), event(path="/b"), order(order_key=9)]
    got = load_rows(tmp_path, [order(currency="SEK")], new)

    assert (got[1].refund_minor, got[1].currency) == (500, "SEK")
    assert [got[0], *got[2:]] == [new[0], *new[2:]]


def test_a_load_of_an_order_has_the_day_of_its_open_refund_built_again(
    tmp_path: Path,
) -> None:
    spool, warehouse = Spool(tmp_path / "spool"), Warehouse(tmp_path / "warehouse")
    refunded, other = refund(event_id=Hash64(1)), refund(order_key=9, day=LATEST)
    counted = []
    for rows in ([refunded, other], [order()], [order(order_key=10)]):
        spool_events(spool, rows)
        load_and_build(spool, warehouse)
        events_table, stats = warehouse.view(EVENTS), warehouse.view(DAILY_STATS)
        figures = stats.read([LATER], ["dimension", "refunds", "refund_minor"])
        counted += figures.filter(dimension="total").rows()
        touched = events_table.touched(events_table.version - 1)

    assert counted == [("total", 1, 0), ("total", 1, 500), ("total", 1, 500)]
    # The last order has no refund: only its own day is built.
    assert touched == {("shop", DAY)}


NOON = order().at
ORDERS = st.builds(
    lambda step, key, *, server, value, currency: order(
        value, at=NOON + step, order_key=key, server=server, currency=currency
    ),
    st.integers(0, 2),
    st.sampled_from((8, 9)),
    server=st.booleans(),
    value=st.sampled_from((None, 0, 500, 700)),
    currency=st.sampled_from(("EUR", "USD")),
)
REFUNDS = st.builds(
    lambda step, key, *, amount, currency: (step, key, amount, currency),
    st.integers(3, 6),
    st.sampled_from((8, 9, 10, None)),
    amount=st.sampled_from((None, None, 0, 120, 900)),
    currency=st.sampled_from(("EUR", "USD", None)),
)
RefundSpec = tuple[int, int | None, int | None, str | None]


def refunds_on(days_later: int, specs: Sequence[RefundSpec]) -> list[Event]:
    """Return refunds in order of time, *days_later* days after their order."""
    return [
        refund(
            amount,
            day=DAY + timedelta(days_later),
            at=UtcSeconds(NOON + step + days_later * 86_400),
            order_key=key,
            currency=currency,
            event_id=Hash64(number),
        )
        for number, (step, key, amount, currency) in enumerate(sorted(specs, key=_at))
    ]


def _at(spec: RefundSpec) -> int:
    return spec[0]


def build_refunds(orders: list[Event], refunds: list[Event]) -> list[tuple[Any, ...]]:
    """Return the amounts of *refunds* in a build with all rows on one day."""
    session = pl.lit(None, pl.UInt32).alias("session")
    placed = merged_orders(frame(orders).with_columns(session))
    resolved = resolved_refunds(frame(refunds).with_columns(session), placed)
    return resolved.sort("event_id").select("refund_minor", "currency").rows()


@few_examples()
@given(
    st.lists(ORDERS, min_size=1, max_size=4),
    st.lists(REFUNDS, min_size=1, max_size=6),
    st.integers(0, 6),
)
def test_a_load_and_a_build_give_a_refund_the_same_amount(
    orders: list[Event], specs: list[RefundSpec], stored: int
) -> None:
    expected = build_refunds(orders, refunds_on(0, specs))
    with_value = {row.order_key for row in orders if row.value_minor is not None}
    later = refunds_on(30, specs)
    with TemporaryDirectory() as folder:
        table = Warehouse(Path(folder)).open(EVENTS)
        table.append(frame(orders))
        got: list[Event] = []
        for part in (later[:stored], later[stored:]):
            rows = with_amounts(frame(part), table, KeyIndex())
            table.append(rows)
            got += events(rows)

    assert [(each.refund_minor, each.currency) for each in got] == [
        amount if each.order_key in with_value else (each.refund_minor, each.currency)
        for each, amount in zip(later, expected, strict=True)
    ]
