"""The overview of a site as values: headlines, trend and tables.

The terminal and the page show the same overview; this module decides its content.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from reports.answer import Answer, Figure
from reports.caveats import Caveat, whole_day
from reports.dimensions import DIMENSIONS, Dimension
from reports.metrics import METRICS, Metric, Unit
from reports.period import Period, comparison_end, comparison_period
from reports.query import MAX_LIMIT, Query

AnswerQuery = Callable[[Query], Answer]

_ALWAYS: Final = ("visitors", "sessions", "pageviews", "bounce_rate")
COMMERCE: Final = ("orders", "value_minor", "conversion_rate")
# Shown only if it differs from the revenue.
_NET: Final = "net_minor"
# A smaller change would be shown as 0.
_SMALL_PERCENT: Final = 0.5
_SMALL_POINTS: Final = 0.05
# The trend has one column for each day as long as the days fit in a terminal.
_MOST_DAYS: Final = 62
_MOST_WEEKS: Final = 7 * 54
_WEEK: Final = timedelta(days=7)
_HOURS: Final = tuple(f"{hour:02}" for hour in range(24))


class TrendStep(StrEnum):
    """The time that one column of the trend covers."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Direction(IntEnum):
    """The direction of a change."""

    DOWN = -1
    SAME = 0
    UP = 1


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of the whole period, and the same figure of the period before."""

    metric: Metric
    figure: Figure
    before: Figure

    def change(self) -> tuple[Direction, str]:
        """Return the change: of a share in percentage points, else in percent."""
        now, before = self.figure, self.before
        if now is None or before is None:
            return Direction.SAME, ""
        if not before:
            return (Direction.UP, "new") if now else (Direction.SAME, "no change")
        is_share = self.metric.unit is Unit.SHARE
        change = (now - before) * 100 if is_share else (now - before) / before * 100
        if abs(change) < (_SMALL_POINTS if is_share else _SMALL_PERCENT):
            return Direction.SAME, "no change"
        amount = f"{abs(change):.1f} points" if is_share else f"{abs(change):,.0f}%"
        return (Direction.UP if change > 0 else Direction.DOWN), amount


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric for every step of the period, without gaps."""

    metric: Metric
    step: TrendStep
    labels: tuple[str, ...]
    figures: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The figures of one site and period: compared, over time, and broken down."""

    query: Query
    before: Period
    # The time of the last day of *before* at which the comparison ends.
    before_until: datetime | None
    headlines: tuple[Headline, ...]
    trend: Trend
    tables: tuple[Answer, ...]
    caveats: tuple[Caveat, ...] = ()

    @property
    def sells(self) -> bool:
        """Whether the period or the one before has orders."""
        return len(self.headlines) > len(_ALWAYS)

    @property
    def empty(self) -> bool:
        """Whether all figures of the period are 0 or unknown."""
        return not any(headline.figure for headline in self.headlines)


def build_overview(
    answer: AnswerQuery,
    query: Query,
    breakdowns: Sequence[tuple[Dimension, ...]],
    local_now: datetime,
) -> Overview:
    """Return the overview of a site and period, with a table for each breakdown.

    A period that includes today is compared with the same part of the period before:
    its last day counts until the same time as today.
    """
    today = local_now.date()
    before = comparison_period(query.period, today)
    until = comparison_end(query.period, before, local_now)
    metrics = tuple(METRICS[name] for name in (*_ALWAYS, *COMMERCE, _NET))
    whole = replace(query, metrics=metrics, dimensions=(), order_by=(), limit=1)
    now, then = answer(whole), answer(replace(whole, period=before, until=until))
    caveats = now.caveats
    if until and then.query.until is None:
        caveats = (*caveats, whole_day(before.last))
    return Overview(
        query=query,
        before=before,
        before_until=then.query.until,
        caveats=caveats,
        headlines=_headlines(now, then),
        trend=_trend(answer, query, today),
        tables=tuple(
            answer(replace(query, dimensions=dimensions)) for dimensions in breakdowns
        ),
    )


def _headlines(now: Answer, then: Answer) -> tuple[Headline, ...]:
    """Return the headlines; those of a shop only if there are orders."""
    headlines = [
        Headline(metric, figure, before)
        for metric, figure, before in zip(
            now.query.metrics, _only_row(now), _only_row(then), strict=True
        )
    ]
    commerce = headlines[len(_ALWAYS) :]
    if not any(headline.figure or headline.before for headline in commerce):
        return tuple(headlines[: len(_ALWAYS)])
    revenue, net = headlines[len(_ALWAYS) + 1], headlines[-1]
    has_refunds = (revenue.figure, revenue.before) != (net.figure, net.before)
    return tuple(headlines if has_refunds else headlines[:-1])


def _only_row(answer: Answer) -> tuple[Figure, ...]:
    if answer.rows:
        return answer.rows[0].metrics
    return (None,) * len(answer.query.metrics)


def _trend(answer: AnswerQuery, query: Query, today: date) -> Trend:
    period = query.period.until(today)
    step = _step(period)
    metric = METRICS["visitors"]
    by_step = answer(
        replace(
            query,
            metrics=(metric,),
            dimensions=(DIMENSIONS[step],),
            order_by=(),
            limit=MAX_LIMIT,
        )
    )
    figures = {row.dimensions[0]: int(row.metrics[0] or 0) for row in by_step.rows}
    labels = _labels(period, step)
    return Trend(metric, step, labels, tuple(figures.get(label, 0) for label in labels))


def _step(period: Period) -> TrendStep:
    if period.days == 1:
        return TrendStep.HOUR
    if period.days <= _MOST_DAYS:
        return TrendStep.DAY
    return TrendStep.WEEK if period.days <= _MOST_WEEKS else TrendStep.MONTH


def _labels(period: Period, step: TrendStep) -> tuple[str, ...]:
    """Return the label of every step, including the steps without visitors."""
    match step:
        case TrendStep.HOUR:
            return _HOURS
        case TrendStep.DAY:
            return tuple(day.isoformat() for day in period.dates())
        case TrendStep.WEEK:
            monday = period.first - timedelta(days=period.first.weekday())
            weeks = (period.last - monday).days // _WEEK.days + 1
            return tuple((monday + _WEEK * n).isoformat() for n in range(weeks))
        case TrendStep.MONTH:
            months = {f"{day.year:04}-{day.month:02}": None for day in period.dates()}
            return tuple(months)


def step_name(step: TrendStep, label: str) -> str:
    """Return the name of the step *label*, for people."""
    match step:
        case TrendStep.HOUR:
            return f"{label}:00"
        case TrendStep.MONTH:
            return label
        case TrendStep.DAY | TrendStep.WEEK:
            day = date.fromisoformat(label)
            return f"{day.day} {day:%b}"
