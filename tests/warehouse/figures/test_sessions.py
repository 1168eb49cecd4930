"""The rules of a session: its start, its end, and the values from its events."""

from datetime import date
from typing import Any

import pytest

from tests.warehouse.day_frames import (
    CURRENCIES,
    ZONES,
    Row,
    build_day,
    event,
    frame,
    rows,
)
from warehouse.dtypes import check_frame
from warehouse.figures.sessionize import sessionize
from warehouse.figures.sessions import sessions
from warehouse.schema import SESSIONS


def sessions_of(*events: Row) -> list[Row]:
    """Return the sessions of the events, in stored order."""
    return rows(build_day(events)[0])


def one_session(*events: Row) -> Row:
    """Return the only session of the events."""
    (session,) = sessions_of(*events)
    return session


@pytest.mark.parametrize(
    ("clocks", "pageviews"),
    [
        pytest.param(["12:00"], [1], id="a single event"),
        pytest.param(["12:00", "12:30"], [2], id="exactly the timeout stays"),
        pytest.param(["12:00", "12:30:01"], [1, 1], id="just past the timeout"),
        pytest.param(["12:40", "12:00", "12:20"], [3], id="input unsorted"),
        pytest.param(["13:00", "12:00"], [1, 1], id="late arrival, two sessions"),
        pytest.param(
            ["12:00", "12:30", "13:00", "13:30"],
            [4],
            id="longer than the timeout in all",
        ),
        pytest.param(["12:00", "12:00", "12:00"], [3], id="several in one second"),
        pytest.param(["00:00", "23:59:59"], [1, 1], id="both ends of the day"),
    ],
)
def test_a_session_ends_after_a_gap_over_the_timeout(
    clocks: list[str], pageviews: list[int]
) -> None:
    got = sessions_of(*(event(clock) for clock in clocks))

    assert [session["pageviews"] for session in got] == pageviews


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 1, id="a pageview"),
        pytest.param({"name": "signup"}, 1, id="a named event"),
        pytest.param({"name": "engagement"}, 0, id="an engagement event alone"),
        pytest.param({"server": True}, 0, id="a server pageview"),
        pytest.param({"server": True, "name": "order_placed"}, 0, id="a server order"),
        pytest.param({"name": "played", "passive": True}, 0, id="a passive event"),
        pytest.param({"visitor": None}, 0, id="without a visitor"),
    ],
)
def test_a_session_needs_an_interactive_event(
    changes: dict[str, Any], expected: int
) -> None:
    assert len(sessions_of(event(**changes))) == expected


def test_each_visitor_has_separate_sessions() -> None:
    got = sessions_of(
        event("12:00"), event("12:01", visitor=2), event("12:02"), event("12:03")
    )

    assert [(session["visitor"], session["pageviews"]) for session in got] == [
        (1, 3),
        (2, 1),
    ]


def test_the_same_visitor_hash_at_another_site_is_another_visitor() -> None:
    got = sessions_of(event("12:00"), event("06:01", site="blog"), event("12:02"))

    assert [(session["site"], session["pageviews"]) for session in got] == [
        ("blog", 1),
        ("shop", 2),
    ]


def test_engagement_events_extend_a_session() -> None:
    session = one_session(
        event("12:00"),
        event("12:25", name="engagement", engaged_ms=700),
        event("12:50", name="engagement", engaged_ms=300),
    )

    assert session["duration_s"] == 50 * 60
    assert session["engaged_ms"] == 1_000
    assert (session["pageviews"], session["events"]) == (1, 1)


ORDER: Row = {"name": "order_placed", "server": True}


@pytest.mark.parametrize(
    ("events", "orders"),
    [
        pytest.param(
            [event("12:00"), event("12:05", **ORDER)], [1], id="in a running session"
        ),
        pytest.param(
            [event("12:00"), event("12:50", **ORDER), event("13:10")],
            [1, 0],
            id="it does not join two sessions",
        ),
        pytest.param(
            [event("08:00"), event("12:00"), event("18:00", **ORDER)],
            [0, 1],
            id="hours after the last session",
        ),
        pytest.param(
            [event("12:00"), event("11:59", **ORDER)], [0], id="only later sessions"
        ),
        pytest.param(
            [
                event("08:00"),
                event("12:00", name="engagement"),
                event("12:05", **ORDER),
                event("12:10"),
            ],
            [1, 0],
            id="before the session's start",
        ),
        pytest.param(
            [event("12:00", visitor=2), event("12:05", **ORDER)],
            [0],
            id="another visitor",
        ),
        pytest.param(
            [event("06:00", site="blog"), event("13:00", **ORDER)],
            [0],
            id="another site",
        ),
        pytest.param(
            [event("12:00"), event("12:05", **ORDER | {"visitor": None})],
            [0],
            id="without a visitor",
        ),
    ],
)
def test_a_server_event_belongs_to_the_session_before_it(
    events: list[Row], orders: list[int]
) -> None:
    got = sessions_of(*events)

    assert [session["orders"] for session in got] == orders
    counted = sum(event["visitor"] == 1 and not event["server"] for event in events)
    events_in_sessions = [
        session["events"] for session in got if session["visitor"] == 1
    ]
    assert sum(events_in_sessions) <= counted + 1


def test_a_server_event_changes_only_the_counts_of_a_session() -> None:
    view: Row = {"server": True, "path": "/server", "engaged_ms": 7}
    alone = one_session(event("12:00", path="/a"))

    session = one_session(
        event("12:00", path="/a"), event("12:20", **view), event("15:00", **ORDER)
    )

    changed = {name for name in session if session[name] != alone[name]}
    assert changed == {"pageviews", "events", "engaged_ms", "orders"}
    assert (session["duration_s"], session["bounce"]) == (0, True)
    assert (session["events"], session["pageviews"], session["orders"]) == (3, 2, 1)


def test_a_session_starts_with_its_first_interactive_event() -> None:
    session = one_session(
        event("12:00", name="engagement", engaged_ms=700, channel="direct"),
        event("12:05", name="refund", server=True, channel="direct"),
        event("12:10", channel="search", source="Example"),
        event("12:20", channel="internal"),
    )

    assert session["started_at"] == event("12:10")["at"]
    assert session["duration_s"] == 10 * 60
    assert (session["channel"], session["source"]) == ("search", "Example")
    # Browser events before the start count in the session; server events do not.
    assert (session["engaged_ms"], session["events"]) == (700, 2)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([event()], True, id="one pageview"),
        pytest.param(
            [event(), event("12:01", name="engagement")],
            True,
            id="one pageview and engagement",
        ),
        pytest.param([event(), event("12:05")], False, id="two pageviews"),
        pytest.param(
            [event(), event("12:05", name="signup")],
            False,
            id="a pageview and a named event",
        ),
        pytest.param(
            [event(), event("12:05", name="played", passive=True)],
            True,
            id="a passive event does not count",
        ),
        pytest.param([event(name="signup")], False, id="no pageview"),
        pytest.param(
            [event(), event("12:05", name="order_placed", server=True)],
            True,
            id="a server event is not interactive",
        ),
        pytest.param(
            [event(name="signup"), event("12:05", server=True)],
            False,
            id="the only pageview is a server pageview",
        ),
        pytest.param(
            [event(), event("12:05", server=True)],
            True,
            id="a server pageview is not interactive",
        ),
        pytest.param(
            [event("00:10", channel="internal")], False, id="continued from yesterday"
        ),
    ],
)
def test_a_bounce_is_one_interactive_pageview_and_nothing_else(
    events: list[Row], *, expected: bool
) -> None:
    assert one_session(*events)["bounce"] is expected


@pytest.mark.parametrize(
    ("clock", "changes", "expected"),
    [
        pytest.param("00:00", {}, True, id="at midnight"),
        pytest.param("00:30", {}, True, id="exactly the timeout after midnight"),
        pytest.param("00:30:01", {}, False, id="just past the timeout"),
        pytest.param("00:10", {"channel": "search"}, False, id="from another channel"),
        pytest.param("00:10", {"channel": None}, False, id="from an unknown channel"),
        pytest.param(
            "00:10", {"site": "blog"}, True, id="in the time zone of the site"
        ),
        pytest.param(
            "00:30", {"day": date(2026, 3, 29)}, True, id="on a day of 23 hours"
        ),
    ],
)
def test_a_session_with_an_internal_referrer_after_midnight_is_continued(
    clock: str, changes: dict[str, Any], *, expected: bool
) -> None:
    session = one_session(event(clock, **{"channel": "internal"} | changes))

    assert session["continued"] is expected


def test_a_continued_session_has_no_acquisition_values() -> None:
    acquisition = {"referrer": "a.example", "source": "A", "click_id": "gclid"} | {
        f"utm_{part}": "x"
        for part in ("source", "medium", "campaign", "content", "term")
    }

    session = one_session(
        event(
            "00:10", channel="internal", country="DE", browser="Firefox", **acquisition
        )
    )

    assert {session[name] for name in acquisition} == {None}
    assert session["channel"] == "internal"
    assert (session["country"], session["browser"]) == ("DE", "Firefox")


@pytest.mark.parametrize(
    ("pageviews", "expected"),
    [
        pytest.param(1_000, False, id="a thousand pageviews"),
        pytest.param(1_001, True, id="one more pageview"),
    ],
)
def test_too_many_pageviews_are_suspect(pageviews: int, *, expected: bool) -> None:
    session = one_session(*(event() for _ in range(pageviews)))

    assert session["suspect"] is expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(48, False, id="half an hour less"),
        pytest.param(49, True, id="24 hours on a day of 25"),
    ],
)
def test_a_whole_day_of_activity_is_suspect(events: int, *, expected: bool) -> None:
    day = date(2026, 10, 25)

    session = one_session(
        *(event(f"00:{30 * number}", day=day) for number in range(events))
    )

    assert session["suspect"] is expected


def test_entry_and_exit_are_the_first_and_last_pageview() -> None:
    session = one_session(
        event("12:00", name="signup", path="/form"),
        event("12:01", path="/a"),
        event("12:02", path="/b"),
        event("12:03", path="/c"),
        event("12:04", name="engagement", path="/d"),
    )

    assert (session["entry_path"], session["exit_path"]) == ("/a", "/c")


def test_a_session_without_a_pageview_has_no_entry_page() -> None:
    got = sessions_of(event(name="signup"), event(visitor=2, path="/a"))

    assert [session["entry_path"] for session in got] == [None, "/a"]
    assert [session["exit_path"] for session in got] == [None, "/a"]


def test_commerce_is_counted_by_name() -> None:
    names = ("product_viewed", "product_viewed", "cart_updated", "checkout_started")

    session = one_session(*(event(name=name) for name in names))

    counted = ("product_views", "cart_updates", "checkouts", "orders", "events")
    assert [session[name] for name in counted] == [2, 1, 1, 0, 4]


def test_an_order_counts_once_and_its_value_in_the_sites_currency() -> None:
    order = {"name": "order_placed", "value_minor": 500}

    session = one_session(
        event("12:00", **order, order_key=1, currency="EUR"),
        event("12:01", **order, order_key=1, currency="EUR"),
        event("12:02", **order, order_key=2, currency="USD"),
        event("12:03", **order, currency="EUR"),
        event("12:04", **order, currency=None),
        event("12:05", name="order_placed", order_key=3),
    )

    assert (session["orders"], session["value_minor"]) == (5, 1_500)
    assert session["currency"] == "EUR"


def test_an_order_belongs_to_the_session_of_its_first_report() -> None:
    order = {"name": "order_placed", "order_key": 1}

    got = sessions_of(
        event("12:05", **order), event("12:00", visitor=2, **order), event(visitor=1)
    )

    assert [(session["visitor"], session["orders"]) for session in got] == [
        (1, 0),
        (2, 1),
    ]


def test_the_id_of_a_session_never_changes() -> None:
    got = sessions_of(event("12:00"), event("13:00"), event("12:00", visitor=-2))

    assert [session["session"] for session in got] == [
        -3937808265659236852,
        -6629151955108744629,
        7884945129755552731,
    ]


def test_sessions_have_the_columns_of_their_table() -> None:
    empty_sessions = sessions(sessionize(frame([])), CURRENCIES, ZONES)

    check_frame(empty_sessions, SESSIONS)
    check_frame(build_day([event()])[0], SESSIONS)
