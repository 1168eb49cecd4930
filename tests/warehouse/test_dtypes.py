"""The row classes decide what is spooled and stored; any other frame is refused."""

import json
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.dtypes import (
    FrameError,
    check_frame,
    columns,
    delta_schema,
    polars_schema,
)
from warehouse.schema import EVENTS, TABLES, Event, Hash64, Item, Table, UtcSeconds

_MAX_INT64 = 2**63 - 1
_TEXT = st.text(max_size=8)
_INT64 = st.integers(-_MAX_INT64 - 1, _MAX_INT64)
_ITEMS = st.builds(
    Item,
    product=_TEXT,
    variant=st.none() | _TEXT,
    quantity=_INT64,
    price_minor=st.none() | _INT64,
)
_EVENTS = st.builds(
    Event,
    site=_TEXT,
    day=st.dates(date(1, 1, 1), date(9999, 12, 31)),
    at=st.integers(0, 10**11).map(UtcSeconds),
    seq=_INT64,
    event_id=st.none() | _INT64.map(Hash64),
    name=_TEXT,
    server=st.booleans(),
    path=st.none() | _TEXT,
    engaged_ms=st.none() | _INT64,
    late=st.booleans(),
    items=st.none() | st.lists(_ITEMS, max_size=3).map(tuple),
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_has_a_type_in_every_store(table: Table) -> None:
    names = [column.name for column in columns(table.row)]
    delta = json.loads(delta_schema(table.row))

    assert polars_schema(table).names() == names
    assert [field["name"] for field in delta["fields"]] == names
    assert all(field["nullable"] for field in delta["fields"])
    assert all(column.doc for column in columns(table.row))


@given(st.lists(_EVENTS, max_size=4))
def test_spooled_rows_are_stored_unchanged(spooled: list[Event]) -> None:
    stored = frame(spooled)

    check_frame(stored, EVENTS)
    assert events(stored) == spooled


def test_columns_missing_from_the_spool_get_their_defaults() -> None:
    stored = frame([event(), event(items=(Item(product="42"),))])

    assert stored["name"].to_list() == ["pageview", "pageview"]
    assert stored["late"].to_list() == [False, False]
    assert stored["items"].to_list() == [
        None,
        [{"product": "42", "variant": None, "quantity": 1, "price_minor": None}],
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(
            lambda good: good.rename({"site": "place"}),
            "column 0 must be 'site', got 'place'",
            id="another name",
        ),
        pytest.param(
            lambda good: good.select(
                good.columns[1], good.columns[0], *good.columns[2:]
            ),
            "column 0 must be 'site', got 'day'",
            id="another order",
        ),
        pytest.param(
            lambda good: good.with_columns(seq=pl.lit(1, pl.UInt64)),
            "'seq' must be Int64, got UInt64",
            id="another type",
        ),
        pytest.param(
            lambda good: good.drop("items"),
            "column 45 must be 'items', got None",
            id="a missing column",
        ),
        pytest.param(
            lambda good: good.with_columns(address=pl.lit("203.0.113.77")),
            "column 'address' is not in its row class",
            id="an extra column",
        ),
        pytest.param(
            lambda good: good.with_columns(day=pl.lit(None, pl.Date)),
            "'day' must not be null",
            id="a null in a required column",
        ),
    ],
)
def test_a_frame_with_another_schema_is_refused(change: object, problem: str) -> None:
    assert callable(change)
    with pytest.raises(FrameError) as refused:
        check_frame(change(frame([event()])), EVENTS)

    assert refused.value.message == f"write events: {problem}"


def test_the_error_quotes_no_value() -> None:
    wrong = frame([event(path="/secret")]).with_columns(at=pl.lit("/secret"))

    with pytest.raises(FrameError) as refused:
        check_frame(wrong, EVENTS)

    assert "secret" not in str(refused.value)
    assert DAY.isoformat() not in str(refused.value)
