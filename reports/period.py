"""A period as people write it → an inclusive range of the site's local dates.

Today is an argument: the caller knows the local date of the site.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

FORMS: Final = (
    "today, yesterday, 7d, 30d, 12mo, 2026-11, 2026, 2026-11-01, 2026-11-01..2026-11-22"
)
MAX_DAYS: Final = 5 * 366
_DAY: Final = timedelta(days=1)
# Wide enough for any log, and far from the first and last date of ``date``, so that
# date arithmetic cannot overflow.
_EARLIEST: Final = date(1970, 1, 1)
_LATEST: Final = date(2999, 12, 31)
_MONTHS: Final = 12


class PeriodError(ValueError):
    """A period that cannot be parsed; the message never quotes the text."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from *first* to *last*, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        """Return whether *day* is in the period."""
        return self.first <= day <= self.last

    def dates(self) -> list[date]:
        """Return every day of the period, in order."""
        return [self.first + _DAY * n for n in range(self.days)]

    def until(self, day: date) -> "Period":
        """Return the part up to *day*; only the first day if *day* is earlier."""
        return Period(self.first, min(self.last, max(day, self.first)))

    def before(self) -> "Period":
        """Return the period before this one, for comparison.

        Months are compared with months and years with years, although their
        lengths differ. Any other period is compared with the same number of days
        directly before it.
        """
        months = _whole_months(self)
        last = self.first - _DAY
        if months:
            return Period(_month_start(self.first, -months), last)
        return Period(self.first - _DAY * self.days, last)


def parse_period(text: str, today: date) -> Period:
    """Return the period that *text* names; relative periods end on *today*."""
    for pattern, build in _PATTERNS:
        match = pattern.fullmatch(text)
        if match:
            try:
                return _checked(build(match, today))
            except PeriodError:
                raise
            except (ValueError, OverflowError):
                raise PeriodError(f"no such date; use {FORMS}") from None
    raise PeriodError(f"not a period; use {FORMS}")


def parse_range(first: str, last: str) -> Period:
    """Return the period from *first* to *last*, both ISO dates."""
    if not (_ISO_DAY.fullmatch(first) and _ISO_DAY.fullmatch(last)):
        raise PeriodError("must be two dates such as 2026-11-01 and 2026-11-22")
    try:
        return _checked(Period(date.fromisoformat(first), date.fromisoformat(last)))
    except PeriodError:
        raise
    except ValueError:
        raise PeriodError("no such date") from None


def comparison_period(period: Period, today: date) -> Period:
    """Return the days before *period* that give a fair comparison on *today*.

    A period that has not ended is compared with the same number of days of the period
    before. Otherwise the figures would seem to collapse on the first of every month.
    """
    before = period.before()
    if today > period.last:
        return before
    days = period.until(today).days
    return Period(before.first, min(before.last, before.first + _DAY * (days - 1)))


def comparison_end(
    period: Period, before: Period, local_now: datetime
) -> datetime | None:
    """Return the time on the last day of *before* at which the comparison ends.

    None means that whole days are compared, because *period* does not include today.
    """
    today = local_now.date()
    if today not in period or period.until(today).days != before.days:
        return None
    return datetime.combine(before.last, local_now.time(), local_now.tzinfo)


def _checked(period: Period) -> Period:
    if period.last < period.first:
        raise PeriodError("ends before it begins")
    if period.first < _EARLIEST or period.last > _LATEST:
        raise PeriodError(f"must lie between {_EARLIEST} and {_LATEST}")
    if period.days > MAX_DAYS:
        raise PeriodError(f"longer than {MAX_DAYS:,} days")
    return period


def _month_start(day: date, months: int) -> date:
    index = day.year * _MONTHS + day.month - 1 + months
    return date(index // _MONTHS, index % _MONTHS + 1, 1)


def _whole_months(period: Period) -> int:
    """Return the number of calendar months if the period is whole months, else 0."""
    after = period.last + _DAY
    if period.first.day != 1 or after.day != 1:
        return 0
    years, months = after.year - period.first.year, after.month - period.first.month
    return years * _MONTHS + months


def _today(_match: re.Match[str], today: date) -> Period:
    return Period(today, today)


def _yesterday(_match: re.Match[str], today: date) -> Period:
    return Period(today - _DAY, today - _DAY)


def _last_days(match: re.Match[str], today: date) -> Period:
    return Period(today - _DAY * (_count(match) - 1), today)


def _last_months(match: re.Match[str], today: date) -> Period:
    return Period(_month_start(today, 1 - _count(match)), today)


def _month(match: re.Match[str], _today: date) -> Period:
    first = date(int(match[1]), int(match[2]), 1)
    return Period(first, _month_start(first, 1) - _DAY)


def _year(match: re.Match[str], _today: date) -> Period:
    return Period(date(int(match[1]), 1, 1), date(int(match[1]), 12, 31))


def _day(match: re.Match[str], _today: date) -> Period:
    return Period(date.fromisoformat(match[0]), date.fromisoformat(match[0]))


def _from_to(match: re.Match[str], _today: date) -> Period:
    return parse_range(match[1], match[2])


def _count(match: re.Match[str]) -> int:
    count = int(match[1])
    if not count:
        raise PeriodError("must be at least 1 day or month long")
    return count


_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PeriodBuilder = Callable[[re.Match[str], date], Period]
_PATTERNS: Final[tuple[tuple[re.Pattern[str], _PeriodBuilder], ...]] = tuple(
    (re.compile(pattern, re.ASCII), build)
    for pattern, build in (
        (r"today", _today),
        (r"yesterday", _yesterday),
        (r"(\d{1,4})d", _last_days),
        (r"(\d{1,3})mo", _last_months),
        (r"(\d{4})-(\d{2})", _month),
        (r"(\d{4})", _year),
        (r"\d{4}-\d{2}-\d{2}", _day),
        (r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})", _from_to),
    )
)
