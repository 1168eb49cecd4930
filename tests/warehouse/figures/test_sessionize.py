"""Events in one order and each once: what row order and duplicates cannot change."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.warehouse.day import Row, event, frame
from warehouse.figures.sessionize import SessionizedDay, sessionize


def paths(day: SessionizedDay) -> list[str | None]:
    """Return the paths of the events in their order."""
    return day.events["path"].to_list()


TIED: list[Row] = [
    event(path="/1", seq=0, event_id=None, name="a"),
    event(path="/2", seq=0, event_id=None, name="b"),
    event(path="/3", seq=0, event_id=-5),
    event(path="/4", seq=0, event_id=3),
    event(path="/5", seq=1, event_id=-9),
    event("12:00:01", path="/6", event_id=1),
    event("11:00", path="/7", visitor=2),
]


@pytest.mark.parametrize("salt", range(5))
def test_events_have_one_order_whatever_order_they_come_in(salt: int) -> None:
    shuffled = frame(TIED).sample(fraction=1, shuffle=True, seed=salt)

    day = sessionize(shuffled)

    assert paths(day) == ["/1", "/2", "/3", "/4", "/5", "/6", "/7"]


def test_ties_are_settled_by_all_an_event_holds() -> None:
    items = [
        {"product": "p", "variant": None, "quantity": n, "price_minor": 1}
        for n in (2, 1)
    ]
    first, second = (event(items=[item]) for item in items)

    days = [sessionize(frame(rows)) for rows in ([first, second], [second, first])]

    assert days[0].events.equals(days[1].events)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [event("12:05", event_id=1, path="/b"), event(event_id=1, path="/a")],
            ["/a"],
            id="the earliest stays",
        ),
        pytest.param(
            [
                event("12:05", event_id=1, path="/b"),
                event("12:00", event_id=1, path="/a", visitor=2),
            ],
            ["/a"],
            id="whoever sent it",
        ),
        pytest.param(
            [
                event("12:05", event_id=1, path="/b"),
                event(event_id=1, path="/a", seq=1),
            ],
            ["/a"],
            id="time before the place in a request",
        ),
        pytest.param(
            [event(event_id=1, path="/b", seq=1), event(event_id=1, path="/a")],
            ["/a"],
            id="the first of a request",
        ),
        pytest.param([event(path="/a"), event(path="/a")], ["/a", "/a"], id="no id"),
        pytest.param(
            [
                event(event_id=1, path="/a"),
                event("06:00", site="blog", event_id=1, path="/b"),
            ],
            ["/b", "/a"],
            id="another site's id is another id",
        ),
        pytest.param(
            [event(event_id=1, path="/a", visitor=None), event(event_id=1, path="/b")],
            ["/a"],
            id="a stripped copy",
        ),
    ],
)
def test_an_event_counts_once(events: list[Row], expected: list[str]) -> None:
    assert paths(sessionize(frame(events))) == expected
    assert paths(sessionize(frame(reversed(events)))) == expected


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
    assert day.bounds.rows() == [(2, 3, 2), (4, 5, 5)]


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        pytest.param(pl.col("engaged_ms").fill_null(0), [6, 1], id="numbers"),
        pytest.param(pl.col("name") == "pageview", [2, 1], id="truths"),
    ],
)
def test_totals_are_sums_over_each_sessions_events(
    measure: pl.Expr, expected: list[int]
) -> None:
    pings: dict[str, Any] = {"name": "engagement"}
    day = sessionize(
        frame(
            [
                event("09:00", visitor=None, engaged_ms=100),
                event("10:00", engaged_ms=50, **pings),
                event("12:00", engaged_ms=5),
                event("12:10"),
                event("12:11", engaged_ms=1, **pings),
                event("14:00", engaged_ms=1_000, **pings),
                event("12:00", visitor=2, engaged_ms=1),
            ]
        )
    )

    assert day.totals({"sum": measure})["sum"].to_list() == expected


def test_totals_hold_a_servers_events_wherever_they_lie() -> None:
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

    found = day.totals({"sum": pl.col("engaged_ms").fill_null(0)})["sum"]
    assert found.to_list() == [1 + 2 + 4 + 8 + 32, 16 + 64]


def test_one_day_at_a_time() -> None:
    with pytest.raises(ValueError, match="of one day"):
        sessionize(frame([event(), event(day=date(2026, 3, 5))]))
