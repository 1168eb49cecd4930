"""A session that starts from the same site has the acquisition of the one before it."""

import pytest

from tests.warehouse.day_frames import Row, build_day, event, rows


def sessions_of(events: list[Row]) -> list[Row]:
    """Return the sessions of the events, in stored order."""
    return rows(build_day(events)[0])


NEWS = {"channel": "email", "source": "june", "utm_source": "june"}
BACK = {"channel": "internal", "click_id": "gclid"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [event("20:00", **NEWS), event("20:50", **BACK)],
            [("email", "june", None)] * 2,
            id="back after the timeout",
        ),
        pytest.param(
            [event("12:00", **NEWS), event("14:00", **BACK), event("16:00", **BACK)],
            [("email", "june", None)] * 3,
            id="back twice",
        ),
        pytest.param(
            [event("12:00", channel="direct"), event("14:00", **BACK)],
            [("direct", None, None)] * 2,
            id="back to a direct visit",
        ),
        pytest.param(
            [event("12:00", **NEWS), event("14:00", channel="search", source="S")],
            [("email", "june", None), ("search", "S", None)],
            id="a new acquisition",
        ),
        pytest.param(
            [event("12:00", **NEWS), event("14:00", channel=None)],
            [("email", "june", None), (None, None, None)],
            id="unknown channel",
        ),
        pytest.param(
            [event("12:00", **NEWS), event("14:00", visitor=2, **BACK)],
            [("email", "june", None), ("internal", None, "gclid")],
            id="another visitor",
        ),
        pytest.param(
            [event("12:00", **BACK), event("14:00", **BACK)],
            [("internal", None, "gclid")] * 2,
            id="no earlier acquisition",
        ),
        pytest.param(
            [event("00:10", **BACK), event("14:00", **BACK)],
            [("internal", None, None)] * 2,
            id="continued from yesterday",
        ),
    ],
)
def test_a_session_from_the_same_site_has_the_acquisition_before_it(
    events: list[Row], expected: list[tuple[str | None, ...]]
) -> None:
    found = sorted(sessions_of(events), key=lambda row: row["started_at"])

    got = [(row["channel"], row["source"], row["click_id"]) for row in found]
    assert got == expected


def test_the_acquisition_is_of_the_same_site() -> None:
    found = sessions_of([event("12:00", **NEWS), event("18:00", site="blog", **BACK)])

    assert {row["site"]: row["channel"] for row in found} == {
        "shop": "email",
        "blog": "internal",
    }
