"""Additive columns → the metrics of a question, in the order and number asked for."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from reports.answer import ResultRow
from reports.dimensions import DimensionScope
from reports.metrics import ADDITIVE, Difference, Metric, Ratio, Sum, Unit
from reports.query import Query, SortDirection

_DIGITS: Final = {Unit.SHARE: 4, Unit.RATIO: 2, Unit.SECONDS: 1, Unit.MINOR: 0}


def summed(figures: pl.DataFrame, query: Query) -> pl.DataFrame:
    """Return one row per value of the question's dimensions; one in all without any.

    A value with nothing but noughts is no row: what nobody did has no end.
    """
    names = [dimension.name for dimension in query.dimensions]
    schema = dict.fromkeys(names, pl.String()) | dict.fromkeys(ADDITIVE, pl.Int64())
    whole = pl.concat([pl.DataFrame(schema=schema), figures], how="diagonal_relaxed")
    sums = [pl.col(name).sum() for name in ADDITIVE]
    if not names:
        return whole.select(sums)
    has_any = pl.any_horizontal(pl.col(ADDITIVE) != 0)
    return whole.group_by(names).agg(sums).filter(has_any)


def result_rows(sums: pl.DataFrame, query: Query) -> tuple[ResultRow, ...]:
    """Return the rows of an answer: sorted, cut to the limit, and only then rounded."""
    names = [dimension.name for dimension in query.dimensions]
    frame = _sorted(
        sums.select(*names, *(_figure(metric) for metric in query.metrics)), query
    ).head(query.limit)
    rounded = frame.select(*names, *(_rounded(metric) for metric in query.metrics))
    return tuple(
        ResultRow(row[: len(names)], row[len(names) :]) for row in rounded.iter_rows()
    )


def _figure(metric: Metric) -> pl.Expr:
    formula = metric.formula
    if isinstance(formula, Sum):
        return pl.col(formula.column).alias(metric.name)
    if isinstance(formula, Difference):
        return (pl.col(formula.whole) - pl.col(formula.less)).alias(metric.name)
    under = pl.col(formula.under)
    ratio = pl.col(formula.over) / under / formula.scale
    return pl.when(under != 0).then(ratio).alias(metric.name)


def _rounded(metric: Metric) -> pl.Expr:
    column = pl.col(metric.name)
    if not isinstance(metric.formula, Ratio):
        return column
    digits = _DIGITS[metric.unit]
    return column.round(digits) if digits else column.round().cast(pl.Int64)


def _sorted(frame: pl.DataFrame, query: Query) -> pl.DataFrame:
    """Return *frame* in the order asked for; ties by dimensions, so runs agree."""
    order = _order(query)
    if not order:
        return frame
    return frame.sort(
        [name for name, _ in order],
        descending=[descending for _, descending in order],
        nulls_last=True,
    )


def _order(query: Query) -> Sequence[tuple[str, bool]]:
    """Return columns to sort by and whether downwards."""
    names = [dimension.name for dimension in query.dimensions]
    ties = [(name, False) for name in names]
    if query.order_by:
        asked = [(o.name, o.direction is SortDirection.DESC) for o in query.order_by]
    elif not names or _is_time(query):
        asked = []
    else:
        asked = [(query.metrics[0].name, True)]
    seen = {name for name, _ in asked}
    return [*asked, *(tie for tie in ties if tie[0] not in seen)]


def _is_time(query: Query) -> bool:
    first = query.dimensions[0]
    return first.span is DimensionScope.DAY or first.name == "hour"
