"""The clock of the reports: the only module that reads the time, and local dates."""

import time
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from config.settings import SiteSettings
from reports.query import LocalNow, Today
from warehouse.clock.local_dates import local_date

Clock = Callable[[], float]


def now_s() -> float:
    """Return the time, in seconds since 1970-01-01 UTC."""
    return time.time()  # noqa: TID251 - read here, an argument everywhere else


def build_local_now(clock: Clock) -> LocalNow:
    """Return a function that gives the local time of a site by *clock*."""

    def local_now(site: SiteSettings) -> datetime:
        return datetime.fromtimestamp(clock(), ZoneInfo(site.timezone))

    return local_now


def build_today(clock: Clock) -> Today:
    """Return a function that gives the local date of a site by *clock*."""

    def today(site: SiteSettings) -> date:
        return local_date(site.timezone, clock())

    return today
