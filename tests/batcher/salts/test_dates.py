"""The dates of a zone follow each other without gap or overlap, at any clock change."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from batcher.salts.dates import ONE_DAY, date_end_s, date_start_s
from warehouse.clock.local_dates import local_date

HOUR_S = 3_600


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        pytest.param(
            "UTC", "2026-11-22", "2026-11-22T00:00", "2026-11-23T00:00", id="UTC"
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-03-29",
            "2026-03-28T23:00",
            "2026-03-29T22:00",
            id="23 hours",
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-10-25",
            "2026-10-24T22:00",
            "2026-10-25T23:00",
            id="25 hours",
        ),
        pytest.param(
            "Africa/Cairo",
            "2024-04-26",
            "2024-04-25T22:00",
            "2024-04-26T21:00",
            id="the date starts at one o'clock",
        ),
        pytest.param(
            "Africa/Cairo",
            "2024-04-25",
            "2024-04-24T22:00",
            "2024-04-25T22:00",
            id="the date before a missing midnight",
        ),
        pytest.param(
            "America/Havana",
            "2024-11-02",
            "2024-11-02T04:00",
            "2024-11-03T04:00",
            id="the first hour of the next date occurs twice",
        ),
        pytest.param(
            "America/St_Johns",
            "2010-11-06",
            "2010-11-06T02:30",
            "2010-11-07T03:30",
            id="the last hour of the date occurs again after midnight",
        ),
        pytest.param(
            "Pacific/Apia",
            "2011-12-29",
            "2011-12-29T10:00",
            "2011-12-30T10:00",
            id="the next date does not exist",
        ),
    ],
)
def test_a_date_starts_and_ends_in_its_time_zone(
    zone: str, day: str, start: str, end: str
) -> None:
    got = (
        date_start_s(zone, date.fromisoformat(day)),
        date_end_s(zone, date.fromisoformat(day)),
    )

    assert got == (utc(start), utc(end))


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "America/St_Johns",
        "Africa/Cairo",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Asia/Beirut",
    ],
)
def test_no_second_after_the_end_of_a_date_has_that_date(zone: str) -> None:
    first = date(2009, 1, 1)
    days = [first + ONE_DAY * number for number in range(3 * 366)]
    for day in days:
        end_s = date_end_s(zone, day)

        assert local_date(zone, end_s - 1) == day
        assert local_date(zone, end_s) > day
        assert local_date(zone, end_s + HOUR_S) > day


def test_a_date_ends_when_the_next_one_starts() -> None:
    days = [date(2026, 1, 1) + ONE_DAY * number for number in range(366)]
    for day, following in pairwise(days):
        got = date_end_s("Europe/Berlin", day)

        assert got == date_start_s("Europe/Berlin", following)
