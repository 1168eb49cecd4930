"""The local date of a moment: the one place that turns UTC seconds into a date there.

Without Polars or any table, for the proxy too.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def local_time(zone: ZoneInfo, at_s: float) -> datetime:
    """Return the time that clocks in *zone* show at *at_s* (UTC seconds)."""
    return datetime.fromtimestamp(at_s, zone)


def local_date(zone: str, at_s: float) -> date:
    """Return the date in *zone* at *at_s* (UTC seconds)."""
    return local_time(ZoneInfo(zone), at_s).date()
