"""Dates of the shop's list as dates of the site.

A date such as ``03/04/2026`` is an error, unless the list or the user says whether the
day or the month comes first.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from warehouse.shop_list.unreadable import UnreadableCellError

_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_MONTH_COUNT: Final = 12
_HALF_DAY: Final = 12
_CLOCK: Final = (
    r"(?:[T,\s]+(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?)?"
    r"(?:\s*(?P<zone>z|utc|gmt|[+-]\d\d(?::?\d\d)?))?"
)
_YEAR: Final = r"(?P<year>\d{4})"
_DAY: Final = r"(?P<day>\d{1,2})"
_NAME: Final = r"(?P<name>[a-z]{3,9})\.?"
_FORMS: Final = tuple(
    re.compile(form + _CLOCK, re.ASCII | re.IGNORECASE)
    for form in (
        rf"{_YEAR}[-/.](?P<month>\d{{1,2}})[-/.]{_DAY}",
        rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)",
        rf"{_DAY}\.(?P<month>\d{{1,2}})\.{_YEAR}",
        rf"(?:[a-z]{{3,9}},?\s+)?{_DAY}[\s-]+{_NAME}[\s-]+{_YEAR}",
        rf"(?:[a-z]{{3,9}},\s+)?{_NAME}\s+{_DAY},?\s+{_YEAR}",
        rf"(?P<first>\d{{1,2}})(?P<slash>[/-])(?P<second>\d{{1,2}})(?P=slash){_YEAR}",
    )
)


class DateOrder(StrEnum):
    """Whether the day or the month comes first in a date such as 03/04/2026."""

    DAY = "day-first"
    MONTH = "month-first"


class LocalMoment(NamedTuple):
    """The site's local date, and the time in UTC seconds if the list has times."""

    day: date
    at: int | None


def shown_order(text: str) -> DateOrder | None:
    """Return the order that *text* shows beyond doubt, or None."""
    match = _FORMS[-1].fullmatch(text.strip())
    if match is None:
        return None
    return _shown(int(match["first"]), int(match["second"]))


def local_moment(
    text: str, zone: ZoneInfo, order: DateOrder | None, *, is_utc: bool
) -> LocalMoment:
    """Return the site's local date and time; a time with an offset is converted.

    *is_utc* says that a time without an offset is in UTC.
    """
    match = next(filter(None, (form.fullmatch(text.strip()) for form in _FORMS)), None)
    if match is None:
        raise _no_date()
    try:
        day = _day(match, order)
        clock = _clock(match)
        if clock is None:
            return LocalMoment(day, None)
        offset = _offset(match, is_utc=is_utc)
        placed = datetime.combine(day, clock, offset or zone)
        local_day = placed.astimezone(zone).date() if offset else day
        return LocalMoment(local_day, int(placed.timestamp()))
    except UnreadableCellError:
        raise
    except (ValueError, OverflowError):
        raise _no_date() from None


def _day(match: re.Match[str], order: DateOrder | None) -> date:
    parts = match.groupdict()
    year = int(parts["year"])
    if parts.get("name"):
        name = parts["name"][:3].lower()
        return date(year, _MONTHS.index(name) + 1, int(parts["day"]))
    if not parts.get("first"):
        return date(year, int(parts["month"]), int(parts["day"]))
    first, second = int(parts["first"]), int(parts["second"])
    shown = _shown(first, second)
    if order and shown and order is not shown:
        raise UnreadableCellError(
            f"the date is {shown}, not {order}", "a list has only one form of dates"
        )
    match order or shown or (DateOrder.DAY if first == second else None):
        case DateOrder.DAY:
            return date(year, second, first)
        case DateOrder.MONTH:
            return date(year, first, second)
    raise UnreadableCellError(
        "the date may begin with the day or with the month",
        "say which with --dates day-first or --dates month-first",
    )


def _shown(first: int, second: int) -> DateOrder | None:
    if first > _MONTH_COUNT >= second:
        return DateOrder.DAY
    return DateOrder.MONTH if second > _MONTH_COUNT >= first else None


def _clock(match: re.Match[str]) -> time | None:
    if match["hour"] is None:
        return None
    hour, half = int(match["hour"]), match["half"]
    if half:
        hour = hour % _HALF_DAY + (_HALF_DAY if half.lower() == "p" else 0)
    return time(hour, int(match["minute"]))


def _offset(match: re.Match[str], *, is_utc: bool) -> timezone | None:
    text = (match["zone"] or "").lower()
    if text in ("z", "utc", "gmt") or (not text and is_utc):
        return UTC
    if not text:
        return None
    hours, minutes = int(text[1:3]), int(text[3:].removeprefix(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _no_date() -> UnreadableCellError:
    return UnreadableCellError(
        "the date has no known form such as 2026-11-22 14:05, 22.11.2026 or 11/22/2026"
    )
