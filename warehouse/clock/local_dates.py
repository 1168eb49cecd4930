"""Convert UTC seconds to local times and dates; no other module does this.

It imports neither Polars nor tables, so that the proxy can use it.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def local_time(zone: ZoneInfo, at_s: float) -> datetime:
    """Return the local time in *zone* at *at_s* (UTC seconds)."""
    return datetime.fromtimestamp(at_s, zone)


def local_date(zone: str, at_s: float) -> date:
    """Return the local date in *zone* at *at_s* (UTC seconds)."""
    return local_time(ZoneInfo(zone), at_s).date()
