"""When an event occurred: the client's clock, corrected and within limits."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from warehouse.clock.local_dates import local_time

_QUARTER_S = 900
_MAX_QUARTERS = 4_096
# An epoch number this large must be milliseconds: as seconds it is 5138-11-16.
_MILLISECONDS_FROM = 100_000_000_000
# The end of the year 9999 in milliseconds: Python cannot represent later dates.
_MAX_EPOCH = 253_402_300_800_000
# A part of a second is shorter than a browser needs to open another page, and too
# coarse to be a finer clock.
PARTS = 32
# No fraction in an ISO time, or zeros only.
_ZERO_FRACTION = re.compile(r"^[^.,]*([.,]0+(?![0-9])[^.,]*)?$")


class Moment(msgspec.Struct, frozen=True):
    """The time an event is stored under; *late* means its own day was over.

    *part* is the part of the second, for the order of events.
    """

    at: int
    day: date
    part: int = 0
    late: bool = False


class LocalDays:
    """The local date and hour of any second in one zone.

    UTC offsets change only on quarter hours, so each quarter hour is computed once and
    cached.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._quarters: dict[int, tuple[date, int]] = {}

    @property
    def cached(self) -> int:
        """Return how many quarter hours the cache holds."""
        return len(self._quarters)

    def day_and_hour(self, at: int) -> tuple[date, int]:
        """Return the local date and hour of *at* (UTC seconds)."""
        quarter = at // _QUARTER_S
        cached = self._quarters.get(quarter)
        if cached is not None:
            return cached
        if len(self._quarters) >= _MAX_QUARTERS:
            self._quarters.clear()
        local = local_time(self._zone, quarter * _QUARTER_S)
        self._quarters[quarter] = (local.date(), local.hour)
        return self._quarters[quarter]


def parse_time(value: str | float | None) -> float | None:
    """Return *value* as UTC seconds, None if it is not a usable time.

    A number is epoch seconds or milliseconds. A text is ISO 8601, in UTC if it names
    no zone.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _parse_text(value)
    if not abs(value) <= _MAX_EPOCH:
        return None
    return value / 1_000 if abs(value) >= _MILLISECONDS_FROM else float(value)


def _parse_text(value: str) -> float | None:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return parsed.timestamp()


def occurred_at(
    event_time: str | float, sent_time: str | float | None, now_s: float
) -> float | None:
    """Return when the event occurred by our clock: UTC seconds, None if unreadable.

    *sent_time* is when the client sent the event by its own clock: the difference to
    *now_s* corrects that clock. An unreadable *sent_time* corrects nothing.
    """
    at = parse_time(event_time)
    sent_at = parse_time(sent_time)
    return at if at is None or sent_at is None else at + now_s - sent_at


def part_of_second(at_s: float) -> int:
    """Return in which part of its second *at_s* is."""
    # The remainder of a tiny negative time is rounded up to 1.
    return min(int(at_s % 1 * PARTS), PARTS - 1)


def part_of_event(occurred_at_s: float, event_time: str | float, now_s: float) -> int:
    """Return in which part of its second an event occurred.

    If *event_time* is in whole seconds, the event counts as late in its second as the
    time of arrival allows. So the shop's server, which reports an order in the second
    of the page view, does not come before the page view.
    """
    is_over = now_s // 1 > occurred_at_s // 1
    if _is_whole_second(event_time):
        return PARTS - 1 if is_over else part_of_second(now_s)
    return part_of_second(occurred_at_s)


def _is_whole_second(event_time: str | float) -> bool:
    """Return whether *event_time* names no fraction of a second, or one of zero.

    Servers write whole seconds as ``05.000Z`` or as milliseconds, too.
    """
    if isinstance(event_time, str):
        return _ZERO_FRACTION.search(event_time) is not None
    if abs(event_time) >= _MILLISECONDS_FROM:
        return event_time % 1_000 == 0
    return event_time % 1 == 0


class Calendars:
    """The local days of every site, with one ``LocalDays`` per zone."""

    def __init__(self, zones: Mapping[str, ZoneInfo]) -> None:
        by_zone = {zone.key: LocalDays(zone) for zone in zones.values()}
        self._by_site = {site: by_zone[zone.key] for site, zone in zones.items()}
        self._utc = LocalDays(ZoneInfo("UTC"))

    def local_days(self, site_id: str) -> LocalDays:
        """Return the local days of *site_id*, of UTC if there is no such site."""
        return self._by_site.get(site_id, self._utc)
