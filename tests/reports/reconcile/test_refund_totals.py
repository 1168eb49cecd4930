"""``show`` and ``reconcile`` give the same refunds, however they arrived."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcher.load.key_index import KeyIndex
from batcher.load.refunds import days_of_open_refunds, with_amounts
from reports.reconcile.stored_orders import stored_orders
from tests.hypothesis_settings import few_examples
from tests.reports.sample_queries import SHOP, body
from tests.reports.sample_tables import answer_query
from tests.warehouse.day_frames import CURRENCIES, ZONES, Row, event, frame
from warehouse.build import Rules, build
from warehouse.rebuild_check import rebuild_differences
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

FIRST = date(2026, 11, 16)
RULES = Rules(currencies=CURRENCIES, zones=ZONES, value_limit=1_000)
Told = tuple[int, int | None]


def _order(minor: int | None) -> Row:
    placed: Row = {"name": "order_placed", "order_key": 8, "currency": "EUR"}
    return event(day=FIRST, visitor=None, value_minor=minor, **placed)


def _refund(days_later: int, amount: int | None) -> Row:
    back: Row = {"name": "order_refunded", "order_key": 8, "currency": "EUR"}
    day = FIRST + timedelta(days_later)
    return event("20:00", day=day, visitor=None, refund_minor=amount, **back)


def _totals(
    root: Path, batches: Sequence[Sequence[Row]], *, is_built_each_time: bool = False
) -> tuple[int, int]:
    """Return the refunds that ``show`` and ``reconcile`` give after these loads."""
    warehouse = Warehouse(root)
    events = warehouse.open(EVENTS)
    for batch in batches:
        rows = frame(batch)
        touched = days_of_open_refunds(rows, events, KeyIndex())
        events.append(with_amounts(rows, events, KeyIndex()), touched=touched)
        if is_built_each_time:
            build(warehouse, RULES, 0)
    build(warehouse, RULES, 0)
    assert not is_built_each_time or rebuild_differences(warehouse, RULES) == []
    raw = body(metrics=["refund_minor"], date_range=["2026-11-10", "2026-11-30"])
    [row] = answer_query(warehouse, raw).rows
    (shown,) = row.metrics
    orders = stored_orders(warehouse, SHOP)
    return int(shown or 0), sum(each.refunded_minor for each in orders)


@pytest.mark.parametrize(
    ("batches", "total"),
    [
        pytest.param(
            [
                [_order(4_000)],
                [_refund(1, 3_000)],
                [_refund(2, None), _refund(3, 4_000)],
            ],
            4_000,
            id="30 of 40, the rest, and 40 again",
        ),
        pytest.param(
            [[_order(4_000), _refund(0, 3_000)], [_refund(1, 3_000)]],
            4_000,
            id="on its day and later",
        ),
        pytest.param(
            [[_order(4_000)], [_refund(1, 3_000)], [_refund(0, 3_000)]],
            4_000,
            id="the earlier one arrives last",
        ),
        pytest.param(
            [[_order(4_000)], [_refund(1, 3_000)], [_refund(0, None)]],
            4_000,
            id="and takes the rest",
        ),
        pytest.param(
            [[_refund(1, 5_000)], [_order(4_000)]],
            5_000,
            id="before its order nothing limits it",
        ),
        pytest.param(
            [[_refund(1, None)], [_order(4_000)]],
            4_000,
            id="without an amount, before its order",
        ),
        pytest.param(
            [[_refund(1, None), _refund(2, None)], [_order(4_000)]],
            4_000,
            id="two such refunds",
        ),
        pytest.param(
            [[_refund(2, None)], [_refund(1, None)], [_order(4_000)]],
            4_000,
            id="two such refunds, the later one first",
        ),
        pytest.param(
            [[_refund(2, None)], [_order(4_000)], [_refund(1, 3_000)]],
            4_000,
            id="and another after the order",
        ),
        pytest.param(
            [[_refund(1, None), _refund(2, 3_000)], [_order(4_000)]],
            4_000,
            id="the rest, and an amount",
        ),
        pytest.param(
            [[_refund(2, None)], [_order(4_000), _refund(0, 3_000)]],
            4_000,
            id="and one on the day of the order",
        ),
        pytest.param(
            [[_refund(-2, None)], [_order(4_000)]],
            4_000,
            id="an order that arrived days after its refund",
        ),
        pytest.param(
            [[_refund(-2, 3_000)], [_order(4_000)], [_refund(1, 3_000)]],
            4_000,
            id="an amount before the day of the order counts too",
        ),
        pytest.param(
            [[_refund(1, None)], [_order(None)], [_order(4_000) | {"server": True}]],
            4_000,
            id="an order whose value comes later",
        ),
        pytest.param([[_refund(1, None)]], 0, id="an order that never comes"),
    ],
)
def test_refunds_are_bounded_by_their_order_everywhere(
    tmp_path: Path, batches: Sequence[Sequence[Row]], total: int
) -> None:
    shown, reconciled = _totals(tmp_path, batches, is_built_each_time=True)

    has_order = any(
        each["name"] == "order_placed" for batch in batches for each in batch
    )
    assert (shown, reconciled) == (total, total if has_order else 0)


@few_examples()
@given(
    st.lists(
        st.tuples(st.integers(-1, 2), st.sampled_from((None, 0, 1_000, 3_000, 9_000))),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 5),
    st.integers(0, 2),
)
def test_any_refunds_in_any_loads_have_one_total(
    told: list[Told], cut: int, place: int
) -> None:
    refunds = [_refund(*each) for each in told]
    batches = [refunds[:cut], refunds[cut:]]
    before = [amount for batch in batches[:place] for amount in _amounts(batch)]
    batches.insert(place, [_order(4_000)])
    with TemporaryDirectory() as folder:
        shown, reconciled = _totals(Path(folder), [batch for batch in batches if batch])

    # Nothing limits the amounts of refunds that are loaded before their order.
    assert shown == reconciled <= 4_000 + sum(before)


def _amounts(batch: Sequence[Row]) -> list[int]:
    """Return the amounts that refunds of other days name."""
    return [each["refund_minor"] or 0 for each in batch if each["day"] != FIRST]
