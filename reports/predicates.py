"""A question's filters → one typed Polars expression; nothing is built from text.

A condition holds for a value it knows; an unknown one is the value ``(none)``.
"""

from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from typing import assert_never

import polars as pl

from reports.dimensions import Dimension
from reports.filters import Condition, Filter, Group, Join, Operator

Column = Callable[[Dimension], pl.Expr]


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
        case Join(Group.AND, parts):
            return reduce(and_, (_expression(each, column) for each in parts))
        case Join(Group.OR, parts):
            return reduce(or_, (_expression(each, column) for each in parts))
        case Join(Group.NOT, parts):
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
