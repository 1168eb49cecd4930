"""What a reader must know beside the figures: one list for every output.

The terminal, the page, the API and the files show the same sentences, so a figure has
the same caveats everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class CaveatKind(StrEnum):
    """What a caveat is about; programs read this, people read the text."""

    WARNING = "warning"
    DAILY_VISITORS = "daily_visitors"
    OTHER_CURRENCIES = "other_currencies"
    CHANGED_CURRENCY = "changed_currency"
    CHANGED_TIMEZONE = "changed_timezone"
    DELETED_EVENTS = "deleted_events"
    EMPTY_DAYS = "empty_days"
    NO_VISITORS = "no_visitors"
    LATE_EVENTS = "late_events"
    WHOLE_DAY = "whole_day"


@dataclass(frozen=True, slots=True)
class Caveat:
    """One sentence about the figures beside it."""

    kind: CaveatKind
    text: str

    def json(self) -> dict[str, str]:
        """Return the caveat as the API gives it."""
        return {"kind": self.kind.value, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFacts:
    """Facts about the stored data of one site and period.

    *empty_days* have no events at all. *days_without_visitors* have pageviews, but no
    visitors: no address arrived, or all addresses were private. *former_currencies* are
    the days counted in another currency of the site. *late_events* are dated on the day
    of their arrival. *has_other_dates* says that events are dated by another time zone
    than the site's.
    """

    empty_days: Sequence[date] = ()
    days_without_visitors: Sequence[date] = ()
    former_currencies: Mapping[str, int] = field(default_factory=dict)
    late_events: int = 0
    has_other_dates: bool = False

    def caveats(self) -> Iterator[Caveat]:
        """Yield a caveat for each fact that a reader must know."""
        if self.empty_days:
            yield Caveat(
                CaveatKind.EMPTY_DAYS,
                f"{_days(self.empty_days)} without any event",
            )
        if self.days_without_visitors:
            yield Caveat(
                CaveatKind.NO_VISITORS,
                f"{_days(self.days_without_visitors)} with page views and no visitors:"
                " visitors' addresses do not arrive, or are private as on an intranet;"
                " run millpond proxy doctor",
            )
        for currency, days in sorted(self.former_currencies.items()):
            yield Caveat(
                CaveatKind.CHANGED_CURRENCY,
                f"the site's currency was {currency} on {_count(days)}: their amounts"
                " are not in the revenue",
            )
        if self.has_other_dates:
            yield Caveat(
                CaveatKind.CHANGED_TIMEZONE,
                "the site's time zone has changed: the first days of the period begin"
                " and end at another hour",
            )
        if self.late_events:
            are = "events" if self.late_events != 1 else "event"
            yield Caveat(
                CaveatKind.LATE_EVENTS,
                f"{self.late_events:,} {are} arrived after the salt of their day was"
                " destroyed: they count on the day of their arrival",
            )


def daily_visitors() -> Caveat:
    """Return the caveat of visitors over several days."""
    return Caveat(
        CaveatKind.DAILY_VISITORS,
        "visitors are added up by day: a visitor who comes on two days counts twice",
    )


def other_currencies(currencies: Sequence[str]) -> Caveat:
    """Return the caveat of orders that are not in the site's currency."""
    names = ", ".join(currencies)
    text = f"orders in {names} are counted, but are not in the revenue"
    return Caveat(CaveatKind.OTHER_CURRENCIES, text)


def deleted_events(days: int) -> Caveat:
    """Return the caveat of days that can no longer be counted from events."""
    are = "days are" if days != 1 else "day is"
    text = f"{days} {are} missing: their events are already deleted"
    return Caveat(CaveatKind.DELETED_EVENTS, text)


def whole_day(day: date) -> Caveat:
    """Return the caveat of a comparison of an unfinished day with a whole one."""
    return Caveat(
        CaveatKind.WHOLE_DAY,
        f"today is compared with the whole of {day}: its events are already deleted",
    )


def warning(text: str) -> Caveat:
    """Return the caveat of a job that fails or of a clock that is not believed."""
    return Caveat(CaveatKind.WARNING, text)


def _count(days: int) -> str:
    return f"{days:,} days" if days != 1 else "1 day"


def _days(days: Sequence[date]) -> str:
    """Return the number of *days*, and the day or the first of them."""
    if len(days) == 1:
        return f"1 day ({days[0]})"
    return f"{len(days):,} days (the first is {days[0]})"
