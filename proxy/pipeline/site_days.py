"""The day that a hit counts for, and the secret key of that site and day."""

from datetime import date
from typing import Protocol

from config.errors import MillpondError, Retryable
from proxy.pipeline.hit import Hit
from proxy.pipeline.moment import Calendars, Moment, occurred_at
from proxy.pipeline.sites import Site
from proxy.pipeline.visit_token import key_name


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

    def moment_and_key(
        self, hit: Hit, site: Site, now_s: float
    ) -> tuple[Moment, bytes | bytearray]:
        """Return when the hit occurred, and the site-day key of that day.

        The time that the hit names counts if the salt of that day is live and the time
        is not older than the limit. Otherwise the hit is late, and arrival counts.
        Raises ``NoSaltError`` if today has no salt.
        """
        arrival = int(now_s)
        at = arrival
        if hit.at is not None:
            at = int(occurred_at(hit.at, hit.sent_at, now_s))
        local_days = self._calendars.local_days(site.id)
        if arrival - at <= self._late_limit_s:
            day, _ = local_days.day_and_hour(at)
            key = self._salts.key_if_live(site.zone.key, day, site.salt_name, now_s)
            if key is not None:
                return Moment(at, day), key
        today, _ = local_days.day_and_hour(arrival)
        key = self._salts.key_if_live(site.zone.key, today, site.salt_name, now_s)
        if key is None:
            raise NoSaltError(site.zone.key)
        return Moment(arrival, today, late=at != arrival), key

    def token_key(self, site: Site, moment: Moment, now_s: float) -> bytearray | None:
        """Return the key of the day's visit tokens, None if its salt is destroyed."""
        return self._salts.key_if_live(
            site.zone.key, moment.day, key_name(site.salt_name), now_s
        )
