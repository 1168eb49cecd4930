"""Only an interactive event on a page says where a visitor came from."""

from typing import Any

import pytest

from tests.warehouse.day_frames import Row, build_day, event, figures, rows
from warehouse.figures.breakdown import MEASURES

ORDER: Row = {"name": "order_placed", "value_minor": 500, "currency": "EUR"}
REFUND: Row = {"name": "order_refunded", "currency": "EUR", "server": True}
FROM_NEWS: Row = {
    "path": "/landing",
    "hostname": "shop.example",
    "channel": "email",
    "source": "news",
    "referrer": "mail.example",
    "utm_source": "news",
    "utm_medium": "email",
    "utm_campaign": "may",
    "utm_term": "t",
    "utm_content": "c",
    "click_id": "gclid",
}


def sessions_of(*events: Row) -> list[Row]:
    """Return the sessions of the events, in stored order."""
    return rows(build_day(events)[0])


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({"name": "signup", "path": None}, id="a named event, no page"),
        pytest.param({"name": "engagement"}, id="an engagement event"),
        pytest.param({"name": "engagement", "path": None}, id="engagement, no page"),
        pytest.param({"name": "played", "passive": True}, id="a passive event"),
        pytest.param({"name": "order_placed", "server": True}, id="a server event"),
        pytest.param({"visitor": None}, id="an event without a visitor"),
    ],
)
@pytest.mark.parametrize("clock", ["11:50", "12:00"])
def test_only_an_interactive_event_on_a_page_decides_the_acquisition(
    first: dict[str, Any], clock: str
) -> None:
    other = {"channel": "direct", "source": "Other", "utm_medium": "cpc"}

    (session,) = sessions_of(
        event(clock, **other | first),
        event("12:00", seq=1, **FROM_NEWS),
        event("12:01", path="/b", channel="internal"),
    )

    acquisition = {name: session[name] for name in FROM_NEWS if name != "path"}
    assert acquisition == {key: FROM_NEWS[key] for key in acquisition}
    assert session["entry_path"] == "/landing"


def test_a_session_without_a_page_has_no_acquisition() -> None:
    pageless = FROM_NEWS | {"path": None, "channel": "direct"}
    (session,) = sessions_of(event(name="signup", country="DE", **pageless))

    assert {session[name] for name in FROM_NEWS if name in session} == {None}
    assert (session["country"], session["events"]) == ("DE", 1)


def test_each_session_has_the_acquisition_of_its_own_first_page() -> None:
    got = sessions_of(
        event("08:00", path="/a", source="A"),
        event("10:00", path=None, name="signup", source="X"),
        event("10:01", path="/b", source="B"),
        event("12:00", path=None, name="signup", source="X"),
        event("14:00", path=None, name="signup", source="X"),
        event("14:01", path="/c", source="C"),
    )

    assert [session["source"] for session in got] == ["A", "B", None, "C"]


def test_a_session_is_continued_by_the_channel_of_its_first_page() -> None:
    (session,) = sessions_of(
        event("00:05", name="signup", path=None, channel="direct"),
        event("00:06", channel="internal"),
    )

    assert (session["continued"], session["channel"]) == (True, "internal")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"visitor": None}, id="without a visitor"),
        pytest.param({"visitor": None, **ORDER}, id="an order without a visitor"),
        pytest.param({"visitor": None, **REFUND}, id="a refund without a visitor"),
        pytest.param({"name": "engagement"}, id="without a session"),
        pytest.param({"server": True}, id="a server event without a session"),
        pytest.param({"name": "signup", "path": None}, id="a session without a page"),
    ],
)
def test_what_is_not_known_to_be_direct_has_no_channel(changes: Row) -> None:
    facts: Row = {"channel": "direct", "engaged_ms": 5} | changes
    _, stats = build_day([event(**facts)])

    channels = stats.filter(dimension="channel")
    assert channels["value"].to_list() == ["(none)"]
    total = stats.filter(dimension="total")
    assert channels.select(MEASURES).equals(total.select(MEASURES))


def test_an_event_without_a_session_keeps_a_channel_that_is_known() -> None:
    events = [
        event(visitor=None, channel="organic_search"),
        event(visitor=None, channel="internal"),
        event(channel="direct"),
    ]

    pageviews = figures(build_day(events)[1], "channel", "pageviews")
    assert pageviews == {"direct": 1, "internal": 1, "organic_search": 1}
