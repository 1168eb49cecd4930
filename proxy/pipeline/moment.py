"""When an event occurred: a client's clock is heard, corrected, not trusted far."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from warehouse.clock.local_dates import local_time

_QUARTER_S = 900
_MOST_QUARTERS = 4_096
# Beyond this an epoch number can only be milliseconds (5138-11-16 in seconds).
_MILLISECONDS_FROM = 100_000_000_000
# The end of the year 9999 in milliseconds; nothing further can be computed with.
_FARTHEST = 253_402_300_800_000


class Moment(msgspec.Struct, frozen=True):
    """The time an event is stored under; *late* means its own day was closed."""

    at: int
    day: date
    late: bool = False


class LocalDays:
    """The local date and hour of any second in one zone.

    Offsets only change on quarter hours, so each is looked up once and kept.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._quarters: dict[int, tuple[date, int]] = {}

    @property
    def remembered(self) -> int:
        """How many quarters of an hour are held in memory."""
        return len(self._quarters)

    def of(self, at: int) -> tuple[date, int]:
        """Return the local date and hour of *at* (UTC seconds)."""
        quarter = at // _QUARTER_S
        known = self._quarters.get(quarter)
        if known is not None:
            return known
        if len(self._quarters) >= _MOST_QUARTERS:
            self._quarters.clear()
        local = local_time(self._zone, quarter * _QUARTER_S)
        self._quarters[quarter] = (local.date(), local.hour)
        return self._quarters[quarter]


def parse_time(value: str | float | None) -> float | None:
    """Return *value* as UTC seconds, or None when it is no usable time.

    Numbers are epoch seconds or milliseconds; text is ISO 8601, UTC if it names no
    zone.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _parse_text(value)
    if not abs(value) <= _FARTHEST:
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
    named: str | float | None, sent: str | float | None, now_s: float
) -> float:
    """Return when the event occurred by our clock: UTC seconds, never after *now_s*.

    The client's clock is corrected by what it said when it sent. A time that is no
    time counts as now.
    """
    at = parse_time(named)
    if at is None:
        return now_s
    sent_at = parse_time(sent)
    if sent_at is not None:
        at += now_s - sent_at
    return min(at, now_s)


class Calendars:
    """The local days of every site, one calendar a zone."""

    def __init__(self, zones: Mapping[str, ZoneInfo]) -> None:
        by_zone = {zone.key: LocalDays(zone) for zone in zones.values()}
        self._by_site = {site: by_zone[zone.key] for site, zone in zones.items()}
        self._utc = LocalDays(ZoneInfo("UTC"))

    def of(self, site_id: str) -> LocalDays:
        """Return the calendar of *site_id*; UTC where there is no such site."""
        return self._by_site.get(site_id, self._utc)
