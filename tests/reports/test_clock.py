"""The reports use the local date and time of each site."""

from datetime import UTC, date, datetime

import pytest

from config.settings import SiteSettings
from reports.clock import build_local_now, build_today

NOW = datetime(2026, 11, 30, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", date(2026, 11, 30)),
        ("Pacific/Tongatapu", date(2026, 12, 1)),
        ("Pacific/Niue", date(2026, 11, 30)),
        ("Pacific/Pago_Pago", date(2026, 11, 30)),
    ],
)
def test_today_is_the_local_date_of_the_site(zone: str, expected: date) -> None:
    site = SiteSettings(id="shop", domains=("shop.example",), timezone=zone)

    assert build_today(NOW.timestamp)(site) == expected
    assert build_local_now(NOW.timestamp)(site) == NOW
    assert build_local_now(NOW.timestamp)(site).date() == expected


def test_yesterday_lasts_until_local_midnight() -> None:
    site = SiteSettings(
        id="shop", domains=("shop.example",), timezone="Pacific/Pago_Pago"
    )

    assert build_today(NOW.replace(hour=10).timestamp)(site) == date(2026, 11, 29)
