"""Which salts must go, and their going: a past day cannot be recomputed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfoNotFoundError

from batcher.salts.dates import date_end_s
from batcher.salts.store import GRACE_S, SaltStore
from config.errors import MillpondError
from warehouse.clock.local_dates import local_date

# A salt that is dated later than this was made by a clock that ran ahead.
_FURTHEST = timedelta(days=2)
# For a zone that is gone from the tz database.
_LATEST_ZONE = "Etc/GMT+12"
# From ten minutes before a date's midnight to the end of its 25 hours, and the grace.
LONGEST_LIFE_S = 26 * 3_600.0 + GRACE_S

SaltName = tuple[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyedSalt:
    """A salt that is no more; *marker* finds copies of it, and is all that is left."""

    zone: str
    day: date
    marker: str


def destroy_due(store: SaltStore, now_s: float) -> list[DestroyedSalt]:
    """Destroy every stored salt whose date and grace are over, and say which.

    Each one is tried before the first problem is raised.
    """
    destroyed, problems = try_to_destroy_due(store, now_s)
    if problems:
        raise problems[0]
    return destroyed


class SaltWatch:
    """How long this process has seen each salt, by a clock nobody can set.

    A salt seen for longer than any date lasts is over, whatever the wall clock says.
    """

    def __init__(self) -> None:
        self._seen_s: dict[SaltName, float] = {}

    def outlived(self, store: SaltStore, steady_s: float) -> frozenset[SaltName]:
        """Note which salts there are now, and return those that are over."""
        live = {(mark.zone, mark.day) for mark in store.live()}
        self._seen_s = {name: self._seen_s.get(name, steady_s) for name in live}
        return frozenset(
            name
            for name, seen_s in self._seen_s.items()
            if steady_s - seen_s > LONGEST_LIFE_S
        )


def try_to_destroy_due(
    store: SaltStore,
    now_s: float,
    *,
    outlived: Collection[SaltName] = (),
    in_doubt: bool = False,
) -> tuple[list[DestroyedSalt], list[MillpondError]]:
    """Do the same, and return what stood in the way instead of raising it.

    The *outlived* go too. A time that is *in_doubt* may be too early: then a salt of a
    later date stays, for it may be today's.
    """
    destroyed: list[DestroyedSalt] = []
    problems: list[MillpondError] = []
    for mark in store.live():
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
            gone = DestroyedSalt(zone=mark.zone, day=mark.day, marker=mark.marker)
            destroyed.append(gone)
    return destroyed, problems


def is_due(zone: str, day: date, now_s: float, *, in_doubt: bool = False) -> bool:
    """Say whether the salt of *day* in *zone* must go; *in_doubt*, only if it ended."""
    try:
        end_s = date_end_s(zone, day)
    except ZoneInfoNotFoundError:
        end_s = date_end_s(_LATEST_ZONE, day)
    is_of_future = not in_doubt and _is_ahead(zone, day, now_s)
    return now_s >= end_s + GRACE_S or is_of_future


def _is_ahead(zone: str, day: date, now_s: float) -> bool:
    """Say whether only a clock that ran ahead can have made the salt of *day*.

    Such a date is not over: a note that it ended would refuse every salt until then.
    """
    try:
        today = local_date(zone, now_s)
    except ZoneInfoNotFoundError:
        today = local_date(_LATEST_ZONE, now_s)
    return day > today + _FURTHEST
