"""Sessionize numbers the sessions of a day and sums over their events."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.warehouse.day_frames import event, frame
from warehouse.figures.sessionize import sessionize


def test_events_without_a_visitor_come_first_and_have_no_session() -> None:
    day = sessionize(
        frame([event(), event("11:00", visitor=None), event("13:00"), event(visitor=2)])
    )

    assert day.events["visitor"].to_list() == [None, 1, 1, 2]
    assert day.events["session"].to_list() == [None, 0, 1, 2]


def test_a_run_without_an_interactive_event_has_no_number() -> None:
    day = sessionize(
        frame(
            [
                event("10:00", name="engagement"),
                event("12:00"),
                event("12:10", name="engagement"),
                event("14:00", visitor=-1, server=True),
                event("16:00", name="engagement"),
                event("16:10", name="signup"),
            ]
        )
    )

    assert day.events["session"].to_list() == [None, None, 0, 0, 1, 1]
    assert day.bounds.rows() == [(2, 3, 2, 2), (4, 5, 5, 5)]


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        pytest.param(pl.col("engaged_ms").fill_null(0), [6, 1], id="numbers"),
        pytest.param(pl.col("name") == "pageview", [2, 1], id="booleans"),
    ],
)
def test_totals_are_sums_over_the_events_of_each_session(
    measure: pl.Expr, expected: list[int]
) -> None:
    engagement: dict[str, Any] = {"name": "engagement"}
    day = sessionize(
        frame(
            [
                event("09:00", visitor=None, engaged_ms=100),
                event("10:00", engaged_ms=50, **engagement),
                event("12:00", engaged_ms=5),
                event("12:10"),
                event("12:11", engaged_ms=1, **engagement),
                event("14:00", engaged_ms=1_000, **engagement),
                event("12:00", visitor=2, engaged_ms=1),
            ]
        )
    )

    assert day.totals({"sum": measure})["sum"].to_list() == expected


def test_totals_include_server_events_in_any_position() -> None:
    server: dict[str, Any] = {"server": True}
    day = sessionize(
        frame(
            [
                event("08:00", engaged_ms=1),
                event("08:10", engaged_ms=2, **server),
                event("08:20", engaged_ms=4),
                event("11:00", engaged_ms=8, **server),
                event("12:00", engaged_ms=16, name="engagement"),
                event("12:05", engaged_ms=32, **server),
                event("12:10", engaged_ms=64),
                event("07:00", engaged_ms=128, **server),
                event("07:00", visitor=2, engaged_ms=256, **server),
            ]
        )
    )

    totals = day.totals({"sum": pl.col("engaged_ms").fill_null(0)})["sum"]
    assert totals.to_list() == [1 + 2 + 4 + 8 + 32, 16 + 64]


def test_events_of_two_days_are_refused() -> None:
    with pytest.raises(ValueError, match="of one day"):
        sessionize(frame([event(), event(day=date(2026, 3, 5))]))
