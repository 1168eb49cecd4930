"""The day that a hit counts for, and the secret key of that site and day."""

from datetime import date
from typing import Protocol

from config.errors import MillpondError, Retryable
from proxy.pipeline.drops import DropReason
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import (
    PARTS,
    Calendars,
    Moment,
    occurred_at,
    part_of_event,
    part_of_second,
)
from proxy.pipeline.sites import Site
from proxy.pipeline.visit_token import key_name

# Clocks of machines without a time service differ by minutes, whatever the limit is.
_CLOCK_SKEW_S = 900


class NoSaltError(Retryable, MillpondError):
    """Today's salt is not available, so visitors cannot be hashed."""

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"hash visitors: there is no salt for today in {zone}",
            hint="check that privacy.salt_store can be reached",
        )


class DayKeys(Protocol):
    """The source of site-day keys: the live salts, or the salts of an import."""

    def key_if_live(
        self, zone: str, day: date, site_id: str, now_s: float
    ) -> bytearray | None:
        """Return the key of that day, None if its salt is destroyed."""


class SiteDays:
    """Chooses the day of a hit by its clock, its site's zone and the live salts."""

    def __init__(
        self, salts: DayKeys, calendars: Calendars, *, late_limit_s: float
    ) -> None:
        self._salts = salts
        self._calendars = calendars
        self._late_limit_s = late_limit_s
        self._most_off_s = max(late_limit_s, _CLOCK_SKEW_S)

    def moment_and_key(
        self, hit: Hit, site: Site, now_s: float
    ) -> tuple[Moment, bytes | bytearray] | DropReason:
        """Return when the hit occurred, and the site-day key of that day.

        The time that the hit names counts if the salt of that day is live. Without that
        salt the hit is late, and arrival counts. A time that is further from now than
        the limit, or unreadable, is the reason to drop the hit: counted on arrival, it
        would be in the figures of the wrong day. Raises ``NoSaltError`` if today has no
        salt.
        """
        arrival = int(now_s)
        at = arrival
        if hit.at is None or hit.at == "":
            part = int((now_s - arrival) * PARTS)
        else:
            named_s = occurred_at(hit.at, hit.sent_at, now_s)
            if named_s is None or named_s - now_s > self._most_off_s:
                return DropReason.BAD_TIME
            # A clock that is a little fast is of now.
            occurred_at_s = min(named_s, now_s)
            at = int(occurred_at_s)
            if arrival - at > self._most_off_s:
                return DropReason.TOO_OLD
            part = part_of_event(occurred_at_s, hit.at, now_s)
        local_days = self._calendars.local_days(site.id)
        if arrival - at <= self._late_limit_s:
            day, _ = local_days.day_and_hour(at)
            key = self._salts.key_if_live(site.zone.key, day, site.salt_name, now_s)
            if key is not None:
                return Moment(at, day, part), key
        today, _ = local_days.day_and_hour(arrival)
        key = self._salts.key_if_live(site.zone.key, today, site.salt_name, now_s)
        if key is None:
            raise NoSaltError(site.zone.key)
        return Moment(arrival, today, part_of_second(now_s), late=at != arrival), key

    def token_key(self, site: Site, moment: Moment, now_s: float) -> bytearray | None:
        """Return the key of the day's visit tokens, None if its salt is destroyed."""
        return self._salts.key_if_live(
            site.zone.key, moment.day, key_name(site.salt_name), now_s
        )
