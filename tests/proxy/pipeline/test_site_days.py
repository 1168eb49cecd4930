"""A hit counts on the day of its time while the salt is live, or late at arrival."""

from datetime import date
from pathlib import Path

import pytest

from config.errors import Retryable
from config.settings import PrivacySettings, SiteSettings
from proxy.client.visitor import visitor_hash
from proxy.pipeline.drops import Dropped
from proxy.pipeline.site_days import NoSaltError
from tests.proxy.pipeline.pipeline_setup import (
    ADDRESS,
    NOON,
    SECRET_KEY,
    TODAY,
    USER_AGENT,
    Pipeline,
    pageview,
    site_day_key,
)

HOUR = 3_600
DAY_S = 86_400
# The grace of yesterday's salt ends half an hour after midnight.
QUARTER_PAST_MIDNIGHT = 1_795_392_900


@pytest.mark.parametrize(
    ("behind", "day", "at", "late"),
    [
        pytest.param(None, 0, NOON, False, id="no time named"),
        pytest.param(HOUR, 0, NOON - HOUR, False, id="earlier today"),
        pytest.param(DAY_S, 0, NOON, True, id="yesterday, its salt is gone"),
        pytest.param(-1, 0, NOON, False, id="a second ahead"),
        pytest.param(-HOUR, 0, NOON, False, id="a wrong time zone"),
        pytest.param(-DAY_S, 0, NOON, False, id="exactly the limit ahead"),
    ],
)
def test_an_event_counts_at_its_own_time_or_late_at_arrival(
    tmp_path: Path, behind: int | None, day: int, at: int, *, late: bool
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()
    named = None if behind is None else NOON - behind

    got = pipeline.event(pageview(at=named))

    assert (got.at, got.late) == (at, late)
    assert (TODAY - got.day).days == day


def test_yesterday_is_open_while_its_salt_is_live(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path).prefetch(QUARTER_PAST_MIDNIGHT - HOUR)
    pipeline.prefetch(QUARTER_PAST_MIDNIGHT)
    named = QUARTER_PAST_MIDNIGHT - HOUR

    got = pipeline.event(pageview(at=named), now_s=QUARTER_PAST_MIDNIGHT)

    yesterday = date(2026, 11, 22)
    key = site_day_key(pipeline, yesterday, QUARTER_PAST_MIDNIGHT)
    assert (got.day, got.at, got.late) == (yesterday, named, False)
    assert got.visitor == visitor_hash(key, ADDRESS, USER_AGENT)


@pytest.mark.parametrize(
    ("limit_s", "behind", "expected"),
    [
        pytest.param(HOUR, HOUR, NOON - HOUR, id="exactly the limit"),
        pytest.param(HOUR, HOUR + 1, "too_old", id="a second past the limit"),
        pytest.param(0, 900, NOON, id="a slow clock at the limit of 0"),
        pytest.param(0, 901, "too_old", id="more than a slow clock"),
        pytest.param(0, -900, NOON, id="a fast clock at the limit of 0"),
        pytest.param(0, -901, "bad_time", id="more than a fast clock"),
        pytest.param(HOUR, -HOUR - 1, "bad_time", id="a second too far ahead"),
        pytest.param(7 * DAY_S, 29 * 365 * DAY_S, "too_old", id="1997"),
        pytest.param(7 * DAY_S, -20 * 365 * DAY_S, "bad_time", id="in twenty years"),
    ],
)
def test_an_event_of_another_time_is_not_filed_as_of_today(
    tmp_path: Path, limit_s: int, behind: int, expected: int | str
) -> None:
    privacy = PrivacySettings(late_limit_s=limit_s)
    pipeline = Pipeline(tmp_path, privacy=privacy).prefetch()

    got = pipeline.outcome(pageview(at=NOON - behind))

    if isinstance(got, Dropped):
        assert (got.reason, got.site) == (expected, "shop")
    else:
        assert got.at == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param("22.11.2026", "bad_time", id="another form"),
        pytest.param("yesterday", "bad_time", id="words"),
        pytest.param(1e308, "bad_time", id="past every calendar"),
        pytest.param("", NOON, id="an empty time is no time"),
        pytest.param(None, NOON, id="no time"),
    ],
)
def test_an_unreadable_time_is_not_now(
    tmp_path: Path, named: str | float | None, expected: int | str
) -> None:
    got = Pipeline(tmp_path).prefetch().outcome(pageview(at=named))

    assert expected == (got.reason if isinstance(got, Dropped) else got.at)


def test_a_wrong_clock_is_corrected_by_its_sent_at_time(
    tmp_path: Path,
) -> None:
    pipeline = Pipeline(tmp_path).prefetch()
    three_years = 3 * 365 * DAY_S

    got = pipeline.event(
        pageview(at=NOON - three_years - HOUR, sent_at=NOON - three_years)
    )

    assert (got.at, got.late) == (NOON - HOUR, False)


def test_without_a_salt_the_client_must_retry(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path)

    with pytest.raises(NoSaltError) as caught:
        pipeline.outcome(pageview())

    assert isinstance(caught.value, Retryable)
    assert ADDRESS not in str(caught.value)


SERVER_SITE = SiteSettings(
    id="shop", domains=("shop.example",), secret_keys=(SECRET_KEY,)
)
