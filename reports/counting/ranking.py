"""Additive columns → the metrics of a query, sorted and limited as it says."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from reports.answer import ResultRow
from reports.dimensions import DimensionScope
from reports.metrics import ADDITIVE, Difference, Metric, Ratio, Sum, Unit
from reports.query import Query, SortDirection

_DIGITS: Final = {Unit.SHARE: 4, Unit.RATIO: 2, Unit.SECONDS: 1, Unit.MINOR: 0}


def sum_figures(figures: pl.DataFrame, query: Query) -> pl.DataFrame:
    """Return one row for each value of the query's dimensions, or one row in total.

    Rows with only zeros are left out, because a filter may leave many such values.
    """
    names = [dimension.name for dimension in query.dimensions]
    schema = dict.fromkeys(names, pl.String()) | dict.fromkeys(ADDITIVE, pl.Int64())
    whole = pl.concat([pl.DataFrame(schema=schema), figures], how="diagonal_relaxed")
    sums = [pl.col(name).sum() for name in ADDITIVE]
    if not names:
        return whole.select(sums)
    is_nonzero = pl.any_horizontal(pl.col(ADDITIVE) != 0)
    return whole.group_by(names).agg(sums).filter(is_nonzero)


def result_rows(sums: pl.DataFrame, query: Query) -> tuple[ResultRow, ...]:
    """Return the rows of an answer: sorted and limited first, then rounded."""
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
    """Return *frame* in the order of *query*; dimensions break ties."""
    order = _order(query)
    if not order:
        return frame
    return frame.sort(
        [name for name, _ in order],
        descending=[descending for _, descending in order],
        nulls_last=True,
    )


def _order(query: Query) -> Sequence[tuple[str, bool]]:
    """Return the columns to sort by, with True for descending."""
    names = [dimension.name for dimension in query.dimensions]
    ties = [(name, False) for name in names]
    if query.order_by:
        order = [(by.name, by.direction is SortDirection.DESC) for by in query.order_by]
    elif not names or _is_time(query):
        order = []
    else:
        order = [(query.metrics[0].name, True)]
    sorted_names = {name for name, _ in order}
    return [*order, *(tie for tie in ties if tie[0] not in sorted_names)]


def _is_time(query: Query) -> bool:
    first = query.dimensions[0]
    return first.scope is DimensionScope.DAY or first.name == "hour"
