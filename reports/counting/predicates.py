"""The filters of a query → one typed Polars expression; nothing is built from text.

An unknown value is the text ``(none)``, so conditions also apply to unknown values.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import reduce
from operator import and_, or_
from typing import Final, assert_never

import polars as pl

from reports.dimensions import Dimension
from reports.filters import Condition, Connective, Filter, JoinedFilters, Operator

_WEEK: Final = "week"
_MONTH: Final = "month"
Column = Callable[[Dimension], pl.Expr]


def day_value(dimension: Dimension, day: date) -> str:
    """Return the value of *day*: the date, the Monday of its week, or its month."""
    if dimension.name == _WEEK:
        return (day - timedelta(days=day.weekday())).isoformat()
    return day.isoformat()[:7] if dimension.name == _MONTH else day.isoformat()


def day_values(dimension: Dimension, column: pl.Expr) -> pl.Expr:
    """Return the values of a column of dates, as ``day_value`` does."""
    if dimension.name == _WEEK:
        return column.dt.truncate("1w").dt.to_string("%Y-%m-%d")
    if dimension.name == _MONTH:
        return column.dt.to_string("%Y-%m")
    return column.dt.to_string("%Y-%m-%d")


def build_predicate(filters: tuple[Filter, ...], column: Column) -> pl.Expr | None:
    """Return the expression for rows that meet all *filters*; None without filters.

    *column* gives the column of a dimension as text without nulls.
    """
    if not filters:
        return None
    return reduce(and_, (_expression(part, column) for part in filters))


def _expression(part: Filter, column: Column) -> pl.Expr:
    match part:
        case Condition():
            return _condition(part, column(part.dimension))
        case JoinedFilters(Connective.AND, parts):
            return reduce(and_, (_expression(inner, column) for inner in parts))
        case JoinedFilters(Connective.OR, parts):
            return reduce(or_, (_expression(inner, column) for inner in parts))
        case JoinedFilters(Connective.NOT, parts):
            return ~_expression(parts[0], column)
    raise AssertionError(part)


def _condition(condition: Condition, column: pl.Expr) -> pl.Expr:
    values = list(condition.values)
    match condition.operator:
        case Operator.IS:
            return column.is_in(values)
        case Operator.IS_NOT:
            return ~column.is_in(values)
        case Operator.CONTAINS:
            return column.str.contains_any(values)
        case Operator.CONTAINS_NOT:
            return ~column.str.contains_any(values)
        case _:
            assert_never(condition.operator)
