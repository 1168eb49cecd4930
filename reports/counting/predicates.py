"""A question's filters → one typed Polars expression; nothing is built from text.

A condition holds for a value it knows; an unknown one is the value ``(none)``.
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
    """Return the value of *day*: itself, its week's Monday, or its month."""
    if dimension.name == _WEEK:
        return (day - timedelta(days=day.weekday())).isoformat()
    return day.isoformat()[:7] if dimension.name == _MONTH else day.isoformat()


def day_values(dimension: Dimension, column: pl.Expr) -> pl.Expr:
    """Return the same for a whole column of dates."""
    if dimension.name == _WEEK:
        return column.dt.truncate("1w").dt.to_string("%Y-%m-%d")
    if dimension.name == _MONTH:
        return column.dt.to_string("%Y-%m")
    return column.dt.to_string("%Y-%m-%d")


def predicate(filters: tuple[Filter, ...], column: Column) -> pl.Expr | None:
    """Return what rows must satisfy to meet all *filters*; None for no filter.

    *column* gives the texts of a dimension, never null.
    """
    if not filters:
        return None
    return reduce(and_, (_expression(part, column) for part in filters))


def _expression(part: Filter, column: Column) -> pl.Expr:
    match part:
        case Condition():
            return _condition(part, column(part.dimension))
        case JoinedFilters(Connective.AND, parts):
            return reduce(and_, (_expression(each, column) for each in parts))
        case JoinedFilters(Connective.OR, parts):
            return reduce(or_, (_expression(each, column) for each in parts))
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
