"""The client clock is corrected and bounded; days follow the zone of the site."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.pipeline.moment import (
    PARTS,
    LocalDays,
    occurred_at,
    parse_time,
    part_of_event,
)

NOW = 1_795_406_400.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param(1_795_406_400, NOW, id="epoch seconds"),
        pytest.param(1_795_406_400_000, NOW, id="epoch milliseconds"),
        pytest.param("2026-11-23T04:00:00Z", NOW, id="ISO with Z"),
        pytest.param("2026-11-23T05:00:00+01:00", NOW, id="ISO with offset"),
        pytest.param("2026-11-23T04:00:00", NOW, id="ISO without zone is UTC"),
        pytest.param("yesterday", None, id="words"),
        pytest.param("", None, id="empty"),
        pytest.param(float("nan"), None, id="not a number"),
        pytest.param(float("inf"), None, id="infinite"),
        pytest.param("9999-99-99", None, id="no such date"),
        pytest.param("0001-01-01T00:00:00+23:59", -62_135_683_140.0, id="year 1"),
        pytest.param(
            "9999-12-31T23:59:59-23:59", 253_402_387_139.0, id="end of year 9999"
        ),
        pytest.param("\ud800", None, id="half a surrogate"),
        pytest.param(10**400, None, id="400 digits"),
        pytest.param(-(10**400), None, id="400 digits, negative"),
    ],
)
def test_a_time_is_read_in_every_common_format(
    value: str | float | None, expected: float | None
) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(
    ("named", "sent_at", "expected"),
    [
        pytest.param(NOW - 60, None, NOW - 60, id="a minute ago"),
        pytest.param(NOW + 3_600, None, NOW + 3_600, id="ahead of us"),
        pytest.param(NOW + 3_540, NOW + 3_600, NOW - 60, id="a fast clock"),
        pytest.param(NOW - 3_660, NOW - 3_600, NOW - 60, id="a slow clock"),
        pytest.param("nonsense", NOW, None, id="no usable time"),
        pytest.param(1e308, None, None, id="past every calendar"),
        pytest.param(NOW - 60, "nonsense", NOW - 60, id="no usable time of sending"),
    ],
)
def test_a_clock_is_corrected_by_its_sent_at_time(
    named: str | float, sent_at: str | float | None, expected: float | None
) -> None:
    assert occurred_at(named, sent_at, NOW) == expected


@pytest.mark.parametrize(
    ("named", "sent_at", "now_s", "expected"),
    [
        pytest.param(NOW + 0.5, None, NOW + 9, 16, id="seconds with a fraction"),
        pytest.param(1_795_406_400_250, None, NOW + 9, 8, id="milliseconds"),
        pytest.param(1_795_406_400_000, None, NOW + 9, 31, id="0 milliseconds"),
        pytest.param("2026-11-23T04:00:00.250Z", None, NOW + 9, 8, id="ISO"),
        pytest.param("2026-11-23T04:00:00.000Z", None, NOW + 9, 31, id="ISO, .000"),
        pytest.param("2026-11-23T04:00:00.0625Z", None, NOW + 9, 2, id="ISO, .0625"),
        pytest.param("2026-11-23T04:00:00.000", None, NOW + 9, 31, id="no zone"),
        pytest.param("2026-11-23T04:00:00,5Z", None, NOW + 9, 16, id="ISO, comma"),
        pytest.param(NOW + 60.5, NOW + 61, NOW + 9, 16, id="a corrected clock"),
        # The time of arrival is the latest that a time in whole seconds can mean.
        pytest.param(1_795_406_400, None, NOW + 0.5, 16, id="whole seconds, at once"),
        pytest.param(1_795_406_400, None, NOW + 9, 31, id="whole seconds, later"),
        pytest.param("2026-11-23T04:00:00Z", None, NOW + 9, 31, id="ISO, seconds"),
    ],
)
def test_an_event_with_a_time_has_a_part_of_its_second(
    named: str | float, sent_at: float | None, now_s: float, expected: int
) -> None:
    occurred_at_s = occurred_at(named, sent_at, now_s)

    assert occurred_at_s is not None
    assert part_of_event(occurred_at_s, named, now_s) == expected


@given(
    st.floats() | st.integers() | st.text(),
    st.floats() | st.text() | st.none(),
    st.floats(0, 4_000_000_000),
)
def test_no_part_is_outside_its_second(
    named: str | float, sent_at: str | float | None, now_s: float
) -> None:
    occurred_at_s = occurred_at(named, sent_at, now_s)
    assume(occurred_at_s is not None and occurred_at_s <= now_s)

    assert occurred_at_s is not None
    assert 0 <= part_of_event(occurred_at_s, named, now_s) < PARTS


@given(st.floats() | st.text(), st.floats() | st.text() | st.none())
def test_every_client_time_is_a_time_or_unreadable(
    named: str | float, sent_at: str | float | None
) -> None:
    got = occurred_at(named, sent_at, NOW)

    assert got is None or abs(got) < 1e12


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        pytest.param("UTC", 1_795_406_400, (date(2026, 11, 23), 4), id="UTC"),
        pytest.param(
            "America/Los_Angeles", 1_795_406_400, (date(2026, 11, 22), 20), id="west"
        ),
        pytest.param(
            "Asia/Kathmandu", 1_795_371_299, (date(2026, 11, 22), 23), id="+5:45"
        ),
        pytest.param(
            "Asia/Kathmandu",
            1_795_371_300,
            (date(2026, 11, 23), 0),
            id="+5:45, midnight",
        ),
        pytest.param(
            "Europe/Berlin",
            1_792_889_999,
            (date(2026, 10, 25), 2),
            id="first 2 o'clock",
        ),
        pytest.param(
            "Europe/Berlin",
            1_792_890_000,
            (date(2026, 10, 25), 2),
            id="second 2 o'clock",
        ),
        pytest.param(
            "Europe/Berlin", 1_792_893_600, (date(2026, 10, 25), 3), id="after it"
        ),
    ],
)
def test_the_local_day_follows_the_zone_and_its_clock_changes(
    zone: str, at: int, expected: tuple[date, int]
) -> None:
    assert LocalDays(ZoneInfo(zone)).day_and_hour(at) == expected


def test_the_day_cache_is_bounded() -> None:
    local_days = LocalDays(ZoneInfo("Europe/Berlin"))
    day_s = 86_400

    for number in range(6_000):
        local_days.day_and_hour(number * day_s)

    assert local_days.day_and_hour(0) == (date(1970, 1, 1), 1)
    assert local_days.cached <= 4_096
