"""The destruction of salts whose date is over, so that no hash can be recomputed.

``batcher.salts.records`` calls this and records each destroyed salt in the ledger.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfoNotFoundError

from batcher.salts.dates import date_end_s
from batcher.salts.store import GRACE_S, SaltMark, SaltStore
from config.errors import MillpondError
from warehouse.clock.local_dates import local_date

# A salt with a date further ahead than this was created under a wrong clock.
_FURTHEST = timedelta(days=2)
# Used for a zone that was removed from the tz database.
_LATEST_ZONE = "Etc/GMT+12"
# From ten minutes before a date of 25 hours to its end, plus the grace period.
LONGEST_LIFE_S = 26 * 3_600.0 + GRACE_S

SaltName = tuple[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyedSalt:
    """A destroyed salt; its *marker* remains, so that leaked copies can be found."""

    zone: str
    day: date
    marker: str


class SaltWatch:
    """Measures how long this process has seen each salt, by a monotonic clock.

    A salt that was seen for longer than any date lasts is over, even if the wall clock
    says otherwise.
    """

    def __init__(self) -> None:
        self._seen_s: dict[SaltName, float] = {}

    def outlived(self, store: SaltStore, steady_s: float) -> frozenset[SaltName]:
        """Note the present salts, and return the salts that are over."""
        live = {(mark.zone, mark.day) for mark in store.live()}
        self._seen_s = {name: self._seen_s.get(name, steady_s) for name in live}
        return frozenset(
            name
            for name, seen_s in self._seen_s.items()
            if steady_s - seen_s > LONGEST_LIFE_S
        )


def destroy_due(
    store: SaltStore,
    now_s: float,
    *,
    marks: Iterable[SaltMark] | None = None,
    outlived: Collection[SaltName] = (),
    in_doubt: bool = False,
) -> tuple[list[DestroyedSalt], list[MillpondError]]:
    """Destroy all due salts, or those of *marks*; return them and the problems.

    Salts in *outlived* are destroyed too. If the time is *in_doubt*, the clock may be
    slow: then salts of later dates stay, because one of these dates may be today.
    """
    destroyed: list[DestroyedSalt] = []
    problems: list[MillpondError] = []
    for mark in store.live() if marks is None else marks:
        if (mark.zone, mark.day) not in outlived and not is_due(
            mark.zone, mark.day, now_s, in_doubt=in_doubt
        ):
            continue
        try:
            store.destroy(
                mark.zone, mark.day, is_over=not _is_ahead(mark.zone, mark.day, now_s)
            )
        except MillpondError as problem:
            problems.append(problem)
        else:
            salt = DestroyedSalt(zone=mark.zone, day=mark.day, marker=mark.marker)
            destroyed.append(salt)
    return destroyed, problems


def is_due(zone: str, day: date, now_s: float, *, in_doubt: bool = False) -> bool:
    """Return whether the salt of *day* in *zone* must be destroyed.

    A salt of a date far ahead is due too, unless the time is *in_doubt*.
    """
    try:
        end_s = date_end_s(zone, day)
    except ZoneInfoNotFoundError:
        end_s = date_end_s(_LATEST_ZONE, day)
    is_future = not in_doubt and _is_ahead(zone, day, now_s)
    return now_s >= end_s + GRACE_S or is_future


def _is_ahead(zone: str, day: date, now_s: float) -> bool:
    """Return whether *day* is so far ahead that its salt came from a wrong clock.

    Such a date is not over: noting its end would refuse all salts up to that date.
    """
    try:
        today = local_date(zone, now_s)
    except ZoneInfoNotFoundError:
        today = local_date(_LATEST_ZONE, now_s)
    return day > today + _FURTHEST
