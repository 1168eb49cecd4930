"""When the calendar dates of a time zone begin and end, in UTC seconds; pure."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warehouse.clock.local_dates import local_date

ONE_DAY = timedelta(days=1)


def date_start_s(zone: str, day: date) -> int:
    """Return the first second of *day* in *zone*."""
    return _midnight_s(zone, day, fold=0)


def date_end_s(zone: str, day: date) -> int:
    """Return the first second after the last one of *day* in *zone*.

    A clock set back across midnight writes *day* twice; the second time counts,
    because the salt of a date must outlive every second that bears the date.
    """
    first = _midnight_s(zone, day + ONE_DAY, fold=0)
    second = _midnight_s(zone, day + ONE_DAY, fold=1)
    if second > first and local_date(zone, second - 1) == day:
        return second
    return first


def _midnight_s(zone: str, day: date, *, fold: int) -> int:
    midnight = datetime.combine(day, time(fold=fold), ZoneInfo(zone))
    return int(midnight.timestamp())
