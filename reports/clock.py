"""The clock of reports: the only place where it is read, and the dates it gives."""

import time
from collections.abc import Callable
from datetime import date

from config.settings import SiteSettings
from reports.query import Today
from warehouse.clock.local_dates import local_date

Clock = Callable[[], float]


def now_s() -> float:
    """Return the time, in seconds since 1970-01-01 UTC."""
    return time.time()  # noqa: TID251 - chosen here, an argument everywhere else


def today_by(clock: Clock) -> Today:
    """Return what tells a site's own date by *clock*."""

    def today(site: SiteSettings) -> date:
        return local_date(site.timezone, clock())

    return today
