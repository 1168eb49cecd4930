"""The first and last seconds of calendar dates in a time zone, in UTC seconds; pure."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warehouse.clock.local_dates import local_date

ONE_DAY = timedelta(days=1)


def date_start_s(zone: str, day: date) -> int:
    """Return the first second of *day* in *zone*."""
    return _midnight_s(zone, day, fold=0)


def date_end_s(zone: str, day: date) -> int:
    """Return the first second after *day* in *zone*.

    If the clocks of the zone are set back across midnight, *day* ends twice. The second
    end counts, because the salt must last for every second of its date.
    """
    first = _midnight_s(zone, day + ONE_DAY, fold=0)
    second = _midnight_s(zone, day + ONE_DAY, fold=1)
    if second > first and local_date(zone, second - 1) == day:
        return second
    return first


def _midnight_s(zone: str, day: date, *, fold: int) -> int:
    midnight = datetime.combine(day, time(fold=fold), ZoneInfo(zone))
    return int(midnight.timestamp())
