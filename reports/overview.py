"""What a reader sees first of a site: headline, trend and one table, as values.

Terminal and page draw the same overview; only here is decided what it holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from reports.answer import Answer, Figure
from reports.dimensions import DIMENSIONS, Dimension
from reports.metrics import METRICS, Metric, Unit
from reports.period import Period, compared
from reports.query import MAX_LIMIT, Query

Ask = Callable[[Query], Answer]

_ALWAYS: Final = ("visitors", "sessions", "pageviews", "bounce_rate")
COMMERCE: Final = ("orders", "value_minor", "conversion_rate")
# Shown only where it is not the same as the revenue.
_NET: Final = "net_minor"
# Below these a change would read as nought.
_SMALL_PERCENT: Final = 0.5
_SMALL_POINTS: Final = 0.05
# A column of the trend is a day as long as that fits a terminal.
_MOST_DAYS: Final = 62
_MOST_WEEKS: Final = 7 * 54
_WEEK: Final = timedelta(days=7)
_HOURS: Final = tuple(f"{hour:02}" for hour in range(24))


class TrendStep(StrEnum):
    """How much time one column of the trend stands for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Direction(IntEnum):
    """Which way a figure moved."""

    DOWN = -1
    SAME = 0
    UP = 1


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of the whole period, beside that of the period before."""

    metric: Metric
    figure: Figure
    before: Figure

    def change(self) -> tuple[Direction, str]:
        """Return how the figure moved: a share in points, all else in percent."""
        now, before = self.figure, self.before
        if now is None or before is None:
            return Direction.SAME, ""
        if not before:
            return (Direction.UP, "new") if now else (Direction.SAME, "no change")
        is_share = self.metric.unit is Unit.SHARE
        moved = (now - before) * 100 if is_share else (now - before) / before * 100
        if abs(moved) < (_SMALL_POINTS if is_share else _SMALL_PERCENT):
            return Direction.SAME, "no change"
        amount = f"{abs(moved):.1f} points" if is_share else f"{abs(moved):,.0f}%"
        return (Direction.UP if moved > 0 else Direction.DOWN), amount


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric over the steps of the period, none left out."""

    metric: Metric
    step: TrendStep
    labels: tuple[str, ...]
    figures: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The figures of one site and period, compared, over time and broken down."""

    query: Query
    before: Period
    headlines: tuple[Headline, ...]
    trend: Trend
    tables: tuple[Answer, ...]

    @property
    def sells(self) -> bool:
        """Whether orders were placed in the period or the one before."""
        return len(self.headlines) > len(_ALWAYS)

    @property
    def empty(self) -> bool:
        """Whether nothing at all was counted in the period."""
        return not any(headline.figure for headline in self.headlines)


def overview(
    ask: Ask, query: Query, by: Sequence[tuple[Dimension, ...]], today: date
) -> Overview:
    """Return the overview of a site and period, with a table for each of *by*."""
    before = compared(query.period, today)
    headlines = _headlines(ask, query, before)
    return Overview(
        query=query,
        before=before,
        headlines=headlines,
        trend=_trend(ask, query, today),
        tables=tuple(ask(replace(query, dimensions=each)) for each in by),
    )


def _headlines(ask: Ask, query: Query, before: Period) -> tuple[Headline, ...]:
    metrics = tuple(METRICS[name] for name in (*_ALWAYS, *COMMERCE, _NET))
    whole = replace(query, metrics=metrics, dimensions=(), order_by=(), limit=1)
    figures = _only_row(ask(whole))
    figures_before = _only_row(ask(replace(whole, period=before)))
    every = [
        Headline(metric, figure, old)
        for metric, figure, old in zip(metrics, figures, figures_before, strict=True)
    ]
    if not any(each.figure or each.before for each in every[len(_ALWAYS) :]):
        return tuple(every[: len(_ALWAYS)])
    revenue, net = every[len(_ALWAYS) + 1], every[-1]
    has_refunds = (revenue.figure, revenue.before) != (net.figure, net.before)
    return tuple(every if has_refunds else every[:-1])


def _only_row(answer: Answer) -> tuple[Figure, ...]:
    if answer.rows:
        return answer.rows[0].metrics
    return (None,) * len(answer.query.metrics)


def _trend(ask: Ask, query: Query, today: date) -> Trend:
    period = query.period.until(today)
    step = _step(period)
    metric = METRICS["visitors"]
    answer = ask(
        replace(
            query,
            metrics=(metric,),
            dimensions=(DIMENSIONS[step],),
            order_by=(),
            limit=MAX_LIMIT,
        )
    )
    found = {row.dimensions[0]: int(row.metrics[0] or 0) for row in answer.rows}
    labels = _labels(period, step)
    return Trend(metric, step, labels, tuple(found.get(label, 0) for label in labels))


def _step(period: Period) -> TrendStep:
    if period.days == 1:
        return TrendStep.HOUR
    if period.days <= _MOST_DAYS:
        return TrendStep.DAY
    return TrendStep.WEEK if period.days <= _MOST_WEEKS else TrendStep.MONTH


def _labels(period: Period, step: TrendStep) -> tuple[str, ...]:
    """Return the value of every step, also of those in which nothing happened."""
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
    """Return how people call the step of *label*."""
    match step:
        case TrendStep.HOUR:
            return f"{label}:00"
        case TrendStep.MONTH:
            return label
        case TrendStep.DAY | TrendStep.WEEK:
            day = date.fromisoformat(label)
            return f"{day.day} {day:%b}"
