"""Parses the times of log lines into whole UTC seconds."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

_STAMP = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.\d+)?"
    r"(?: ([+-]\d\d)(\d\d))?"
)
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_EPOCH = re.compile(r"\d{9,19}(?:\.\d*)?")
_DATE = re.compile(r"\d{4}[-/]\d\d[-/]\d\d")
_SLASHED_DATE = re.compile(r"(\d{4})/(\d\d)/(\d\d)")
# Beyond this, a number counts milliseconds, microseconds or nanoseconds.
_LARGEST_SECONDS = 100_000_000_000


@lru_cache(maxsize=64)
def parse_stamp(stamp: str, zone: tzinfo = UTC) -> int | None:
    """Return ``17/May/2015:10:05:03 +0000`` as UTC seconds, None if it is invalid.

    A time without an offset is in *zone*.
    """
    match = _STAMP.fullmatch(stamp)
    if match is None:
        return None
    day, month, year, hour, minute, second, off_h, off_m = match.groups()
    try:
        if off_h is not None:
            offset = timedelta(hours=int(off_h), minutes=int(off_h[:1] + off_m))
            zone = timezone(offset)
        local = datetime(
            int(year),
            _MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            # A leap second counts as the minute's last second.
            59 if second == "60" else int(second),
            tzinfo=zone,
        )
        return int(local.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def parse_time(text: str, zone: tzinfo) -> int | None:
    """Return a time in any common notation as UTC seconds, None if it is invalid.

    These are ISO 8601, the notation of access logs, and seconds, milliseconds,
    microseconds or nanoseconds since 1970. A time without an offset is in *zone*.
    """
    if _EPOCH.fullmatch(text):
        return _parse_epoch(text)
    stamp = parse_stamp(text, zone)
    if stamp is not None:
        return stamp
    if _DATE.match(text) is None:
        # Python also reads digits without separators, in many ways.
        return None
    try:
        moment = datetime.fromisoformat(_SLASHED_DATE.sub(r"\1-\2-\3", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return int(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _parse_epoch(text: str) -> int:
    number = int(text.partition(".")[0])
    while number >= _LARGEST_SECONDS:
        number //= 1_000
    return number
