"""One order of rows, whatever order they came in: by keys, then by all they hold."""

import polars as pl

from warehouse.dtypes import polars_schema
from warehouse.schema import EVENTS

_BY_CONTENT = sorted(polars_schema(EVENTS))


def by_content(events: pl.DataFrame, keys: list[str]) -> pl.Series:
    """Return the order of rows by *keys*, then by everything they hold."""
    rest = [name for name in _BY_CONTENT if name in events.columns and name not in keys]
    order = (*keys, *(_sortable(name, events.schema[name]) for name in rest))
    return events.select(pl.arg_sort_by(*order)).to_series()


def _sortable(name: str, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.List):
        return pl.col(name)
    return pl.col(name).list.eval(pl.element().struct.json_encode()).list.join(",")


def repeated(values: pl.Series) -> pl.Series:
    """Return the values that are there more than once; cheap where none is."""
    if values.n_unique() == len(values):
        return values.clear()
    return values.filter(values.is_duplicated()).unique()
