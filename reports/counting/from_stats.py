"""Answers read from ``daily_stats``, for the questions it has the figures of.

It holds one dimension at a time, and visitors of two values cannot be added up; so
a question fits if each of its rows is made of one value of one dimension a day.
"""

from collections.abc import Iterable

import polars as pl

from reports.counting.counted import CountedColumns
from reports.counting.predicates import day_values, predicate
from reports.counting.stats_reader import TOTAL
from reports.dimensions import Dimension, DimensionScope
from reports.filters import Condition, Operator, conditions
from reports.metrics import ADDITIVE, OWN_ORDERS
from reports.query import Query
from warehouse.figures.breakdown import OTHER
from warehouse.frames import collect_all


def stored_dimension(query: Query) -> str | None:
    """Return the dimension of ``daily_stats`` that answers *query*, if one does."""
    asked = _stored(query.dimensions)
    filtered = _stored(each.dimension for each in conditions(query.filters))
    every = asked | filtered
    if not every:
        return TOTAL
    if len(every) > 1:
        return None
    return every.pop() if asked or _keeps_one_value(query) else None


def _stored(dimensions: Iterable[Dimension]) -> set[str]:
    return {each.name for each in dimensions if each.span is not DimensionScope.DAY}


def _keeps_one_value(query: Query) -> bool:
    """Return whether the filters leave one value, whatever else they ask of days."""
    values = 0
    for part in query.filters:
        found = _stored(each.dimension for each in conditions((part,)))
        if not found:
            continue
        if not isinstance(part, Condition) or part.operator is not Operator.IS:
            return False
        values += len(set(part.values))
    return values == 1


def asks_no_days(query: Query) -> bool:
    """Return whether nothing shorter than a month is told apart."""
    filtered = (each.dimension for each in conditions(query.filters))
    named = {each.name for each in (*query.dimensions, *filtered)}
    return not named & {"day", "week"}


def is_folded(stats: pl.DataFrame, query: Query) -> bool:
    """Return whether filtered values may be hidden in ``(other)``."""
    if not _stored(each.dimension for each in conditions(query.filters)):
        return False
    return bool((stats["value"] == OTHER).any())


def count_stats(stats: pl.DataFrame, query: Query) -> CountedColumns:
    """Return the figures of *query* from *stats*, all of its site and dimension."""
    own = pl.col("currency") == query.site.currency

    def column(dimension: Dimension) -> pl.Expr:
        if dimension.span is DimensionScope.DAY:
            return day_values(dimension, pl.col("day"))
        return pl.col("value")

    condition = predicate(query.filters, column)
    rows = stats.lazy() if condition is None else stats.lazy().filter(condition)
    names = [dimension.name for dimension in query.dimensions]
    amounts = ("value_minor", "refund_minor")
    stored = [name for name in ADDITIVE if name not in (OWN_ORDERS, *amounts)]
    figures = rows.select(
        *(column(each).alias(each.name) for each in query.dimensions),
        *stored,
        pl.when(own).then("orders").otherwise(0).alias(OWN_ORDERS),
        *(pl.when(own).then(name).otherwise(0).alias(name) for name in amounts),
    )
    sums = pl.col(ADDITIVE).sum()
    found, foreign = collect_all(
        [
            figures.group_by(names).agg(sums) if names else figures.select(sums),
            rows.filter(~own).select(pl.col("currency").unique()),
        ]
    )
    return CountedColumns(found, frozenset(foreign["currency"]))
