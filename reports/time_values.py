"""What a day is called under the dimensions that are made of days."""

from datetime import date, timedelta
from typing import Final

import polars as pl

from reports.dimensions import Dimension

_WEEK: Final = "week"
_MONTH: Final = "month"


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
