"""Events have one order and count once, whatever the order of the input rows."""

import pytest

from tests.warehouse.day_frames import Row, event, frame
from warehouse.figures.sessionize import SessionizedDay, sessionize


def paths(day: SessionizedDay) -> list[str | None]:
    """Return the paths of the events in order."""
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
def test_the_order_of_events_does_not_depend_on_the_input_order(salt: int) -> None:
    shuffled = frame(TIED).sample(fraction=1, shuffle=True, seed=salt)

    day = sessionize(shuffled)

    assert paths(day) == ["/1", "/2", "/3", "/4", "/5", "/6", "/7"]


@pytest.mark.parametrize("ids", [(1, 2), (2, 1), (None, None), (None, 1), (1, None)])
def test_of_one_moment_a_page_reached_from_the_site_comes_last(
    ids: tuple[int | None, int | None],
) -> None:
    from_search, internal = ids
    tied = [
        event(path="/de/landing", event_id=internal, channel="internal"),
        event(path="/landing", event_id=from_search, channel="search"),
        event(path="/first", seq=0, event_id=7, channel="internal", visitor=2),
        event(path="/second", seq=1, event_id=3, channel="search", visitor=2),
        event(path="/only", visitor=3, channel="internal"),
    ]

    for rows in (tied, tied[::-1]):
        day = sessionize(frame(rows))

        assert paths(day) == ["/landing", "/de/landing", "/first", "/second", "/only"]
        assert day.entries["channel"].to_list() == ["search", "internal", "internal"]


def test_ties_are_resolved_by_the_content_of_the_events() -> None:
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
            id="from any visitor",
        ),
        pytest.param(
            [
                event("12:05", event_id=1, path="/b"),
                event(event_id=1, path="/a", seq=1),
            ],
            ["/a"],
            id="the second counts before the place in it",
        ),
        pytest.param(
            [event(event_id=1, path="/b", seq=1), event(event_id=1, path="/a")],
            ["/a"],
            id="the first of a second",
        ),
        pytest.param(
            [event(path="/a"), event(path="/a")],
            ["/a", "/a"],
            id="events without an id",
        ),
        pytest.param(
            [
                event(event_id=1, path="/a"),
                event("06:00", site="blog", event_id=1, path="/b"),
            ],
            ["/b", "/a"],
            id="the same id at another site",
        ),
        pytest.param(
            [event(event_id=1, path="/a", visitor=None), event(event_id=1, path="/b")],
            ["/a"],
            id="a copy without a visitor",
        ),
    ],
)
def test_an_event_counts_once(events: list[Row], expected: list[str]) -> None:
    assert paths(sessionize(frame(events))) == expected
    assert paths(sessionize(frame(reversed(events)))) == expected
