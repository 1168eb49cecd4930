"""Answers read from ``daily_stats``, for the queries that this table can answer.

The table has one dimension in each row, and the visitors of two values cannot be added
up. So it can answer a query if every row of the answer needs only one value of one
dimension for each day.
"""

from collections.abc import Iterable

import polars as pl

from reports.counting.counted import CountedColumns
from reports.counting.predicates import build_predicate, day_values
from reports.counting.stats_reader import TOTAL
from reports.dimensions import Dimension, DimensionScope
from reports.filters import Condition, Filter, Operator, list_conditions
from reports.metrics import ADDITIVE, OWN_ORDERS
from reports.query import Query
from warehouse.figures.breakdown import OTHER
from warehouse.frames import collect_all


def stored_dimension(query: Query) -> str | None:
    """Return the dimension of ``daily_stats`` that answers *query*, or None."""
    grouping = _stored(query.dimensions)
    names = grouping | _filtered(query.filters)
    if not names:
        return TOTAL
    if len(names) > 1:
        return None
    return names.pop() if grouping or _keeps_one_value(query) else None


def _stored(dimensions: Iterable[Dimension]) -> set[str]:
    return {part.name for part in dimensions if part.scope is not DimensionScope.DAY}


def _filtered(filters: tuple[Filter, ...]) -> set[str]:
    """Return the stored dimensions that *filters* name."""
    return _stored(condition.dimension for condition in list_conditions(filters))


def _keeps_one_value(query: Query) -> bool:
    """Return whether the filters keep exactly one value, apart from filters of days."""
    values = 0
    for part in query.filters:
        if not _filtered((part,)):
            continue
        if not isinstance(part, Condition) or part.operator is not Operator.IS:
            return False
        values += len(set(part.values))
    return values == 1


def needs_no_days(query: Query) -> bool:
    """Return whether the query can be answered from sums of whole months."""
    filtered = (condition.dimension for condition in list_conditions(query.filters))
    names = {dimension.name for dimension in (*query.dimensions, *filtered)}
    return not names & {"day", "week"}


def is_folded(stats: pl.DataFrame, query: Query) -> bool:
    """Return whether filtered values may be hidden in ``(other)``."""
    if not _filtered(query.filters):
        return False
    return bool((stats["value"] == OTHER).any())


def count_stats(stats: pl.DataFrame, query: Query) -> CountedColumns:
    """Return the figures of *query*; *stats* has the rows of its site and dimension."""
    own = pl.col("currency") == query.site.currency

    def column(dimension: Dimension) -> pl.Expr:
        if dimension.scope is DimensionScope.DAY:
            return day_values(dimension, pl.col("day"))
        return pl.col("value")

    condition = build_predicate(query.filters, column)
    rows = stats.lazy() if condition is None else stats.lazy().filter(condition)
    names = [dimension.name for dimension in query.dimensions]
    amounts = ("value_minor", "refund_minor")
    stored = [name for name in ADDITIVE if name not in (OWN_ORDERS, *amounts)]
    figures = rows.select(
        *(column(dimension).alias(dimension.name) for dimension in query.dimensions),
        *stored,
        pl.when(own).then("orders").otherwise(0).alias(OWN_ORDERS),
        *(pl.when(own).then(name).otherwise(0).alias(name) for name in amounts),
    )
    sums = pl.col(ADDITIVE).sum()
    counted, foreign = collect_all(
        [
            figures.group_by(names).agg(sums) if names else figures.select(sums),
            # A day counted in a former currency of the site may have no orders.
            rows.filter(~own, (pl.col("orders") > 0) | (pl.col("refunds") > 0)).select(
                pl.col("currency").unique()
            ),
        ]
    )
    return CountedColumns(counted, frozenset(foreign["currency"]))
