"""A period means the same inclusive days in every place."""

from datetime import date

import pytest

from reports.period import (
    MAX_DAYS,
    Period,
    PeriodError,
    comparison_period,
    parse_period,
    parse_range,
)

_TODAY = date(2026, 11, 22)


def _period(first: str, last: str) -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        pytest.param("today", "2026-11-22", "2026-11-22", id="today"),
        pytest.param("yesterday", "2026-11-21", "2026-11-21", id="yesterday"),
        pytest.param("1d", "2026-11-22", "2026-11-22", id="one day is today"),
        pytest.param("7d", "2026-11-16", "2026-11-22", id="seven days include today"),
        pytest.param("30d", "2026-10-24", "2026-11-22", id="thirty days"),
        pytest.param("1mo", "2026-11-01", "2026-11-22", id="this month so far"),
        pytest.param("12mo", "2025-12-01", "2026-11-22", id="this month and 11 more"),
        pytest.param("2026-11", "2026-11-01", "2026-11-30", id="a month"),
        pytest.param("2024-02", "2024-02-01", "2024-02-29", id="a leap february"),
        pytest.param("2026-12", "2026-12-01", "2026-12-31", id="a december"),
        pytest.param("2025", "2025-01-01", "2025-12-31", id="a year"),
        pytest.param("2026-11-03", "2026-11-03", "2026-11-03", id="a day"),
        pytest.param(
            "2026-10-30..2026-11-02", "2026-10-30", "2026-11-02", id="from and to"
        ),
        pytest.param("1970", "1970-01-01", "1970-12-31", id="the earliest year"),
    ],
)
def test_a_period_names_days(text: str, first: str, last: str) -> None:
    got = parse_period(text, _TODAY)

    assert got == _period(first, last)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not a period", id="empty"),
        pytest.param("last week", "not a period", id="words"),
        pytest.param("7 d", "not a period", id="a space"),
        pytest.param("-7d", "not a period", id="a sign"),
        pytest.param("\u0667d", "not a period", id="digits of another script"),
        pytest.param("20261101", "not a period", id="basic ISO form"),
        pytest.param("2026-W47", "not a period", id="ISO week"),
        pytest.param("7d\n", "not a period", id="trailing newline"),
        pytest.param("2026-11-01...2026-11-02", "not a period", id="three dots"),
        pytest.param("2026-13", "no such date", id="thirteenth month"),
        pytest.param("2026-02-29", "no such date", id="no leap day"),
        pytest.param("2026-11-31..2026-12-01", "no such date", id="no 31st"),
        pytest.param("0000", "no such date", id="year zero"),
        pytest.param("0d", "at least 1", id="no days"),
        pytest.param("0mo", "at least 1", id="no months"),
        pytest.param("2026-11-02..2026-11-01", "ends before", id="end before start"),
        pytest.param("2000-01-01..2026-01-01", "longer than", id="too long"),
        pytest.param("9999d", "longer than", id="too many days"),
        pytest.param("1969", "must lie between", id="before the epoch"),
        pytest.param("9999-12-31", "must lie between", id="the end of the calendar"),
    ],
)
def test_an_invalid_period_is_refused_without_quoting_it(
    text: str, message: str
) -> None:
    with pytest.raises(PeriodError) as caught:
        parse_period(text, _TODAY)

    assert message in str(caught.value)
    assert not text or text not in str(caught.value).split(";")[0]


def test_a_range_may_have_the_maximum_length_and_not_more() -> None:
    got = parse_range("2021-11-19", "2026-11-22")

    assert got.days == MAX_DAYS
    with pytest.raises(PeriodError, match="longer than"):
        parse_range("2021-11-18", "2026-11-22")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("2026-11-1", "2026-11-02", id="one digit"),
        pytest.param("20261101", "2026-11-02", id="basic form"),
        pytest.param("today", "2026-11-02", id="a word"),
        pytest.param("2026-02-30", "2026-03-02", id="no such day"),
        pytest.param("2026-03-02", "2026-03-01", id="end before start"),
    ],
)
def test_a_range_takes_iso_dates_only(first: str, last: str) -> None:
    with pytest.raises(PeriodError):
        parse_range(first, last)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        pytest.param(
            ("2026-11-16", "2026-11-22"), ("2026-11-09", "2026-11-15"), id="days"
        ),
        pytest.param(
            ("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28"), id="a month"
        ),
        pytest.param(
            ("2026-01-01", "2026-01-31"), ("2025-12-01", "2025-12-31"), id="january"
        ),
        pytest.param(
            ("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31"), id="a year"
        ),
        pytest.param(
            ("2026-02-01", "2026-03-31"), ("2025-12-01", "2026-01-31"), id="two months"
        ),
        pytest.param(
            ("2026-11-01", "2026-11-22"),
            ("2026-10-10", "2026-10-31"),
            id="part of a month counts as days",
        ),
    ],
)
def test_a_period_is_compared_with_an_equal_one(
    period: tuple[str, str], before: tuple[str, str]
) -> None:
    got = _period(*period).before()

    assert got == _period(*before)


@pytest.mark.parametrize(
    ("text", "before"),
    [
        pytest.param("7d", ("2026-11-09", "2026-11-15"), id="days"),
        pytest.param("2026-10", ("2026-09-01", "2026-09-30"), id="a past month"),
        pytest.param("2026-11", ("2026-10-01", "2026-10-22"), id="a running month"),
        pytest.param("2026", ("2025-01-01", "2025-11-22"), id="a running year"),
        pytest.param("2027", ("2026-01-01", "2026-01-01"), id="not started"),
    ],
)
def test_a_running_period_is_compared_with_as_many_days(
    text: str, before: tuple[str, str]
) -> None:
    got = comparison_period(parse_period(text, _TODAY), _TODAY)

    assert got == _period(*before)


def test_a_comparison_does_not_go_past_the_end_of_a_shorter_month() -> None:
    got = comparison_period(
        parse_period("2026-03", date(2026, 3, 30)), date(2026, 3, 30)
    )

    assert got == _period("2026-02-01", "2026-02-28")


def test_on_its_last_day_a_month_has_not_ended() -> None:
    got = comparison_period(_period("2026-11-01", "2026-11-30"), date(2026, 11, 30))

    assert got == _period("2026-10-01", "2026-10-30")


def test_the_days_of_a_period_are_all_there() -> None:
    period = _period("2026-10-30", "2026-11-02")

    got = [day.isoformat() for day in period.dates()]

    assert got == ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"]
    assert all(day in period for day in period.dates())
    assert date(2026, 11, 3) not in period
