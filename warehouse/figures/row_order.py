"""An order of rows that does not depend on their input order."""

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS

_BY_CONTENT = sorted(polars_schema(EVENTS))


def by_content(events: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Return the order of rows by *keys*, then by all other columns."""
    rest = [name for name in _BY_CONTENT if name in events.columns and name not in keys]
    order = (*keys, *(_sortable(name, events.schema[name]) for name in rest))
    return events.select(pl.arg_sort_by(*order)).to_series()


def _sortable(name: str, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.List):
        return pl.col(name)
    return pl.col(name).list.eval(pl.element().struct.json_encode()).list.join(",")


def repeated(values: pl.Series) -> pl.Series:
    """Return the values that occur more than once; fast if there are none."""
    if values.n_unique() == len(values):
        return values.clear()
    return values.filter(values.is_duplicated()).unique()
