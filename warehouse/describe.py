"""The row classes as Markdown: ``make docs`` writes docs/tables.md with this module."""

from typing import Any

from warehouse.dtypes import Column, columns, list_row, polars_schema
from warehouse.schema import TABLES, Row, Table

_HEAD = """\
<!-- Written by `make docs` from warehouse/schema.py; edit that file instead. -->

# Tables

Each table is a Delta Lake table in its own directory of `warehouse.uri`, partitioned
by `day`, in Parquet with zstd. DuckDB, Polars, Spark and pandas can read the tables
without Millpond:

```sql
select day, count(*) from delta_scan('data/warehouse/events') group by day order by day;
```

`day` is the site's local date (in the ledger, the UTC date). Times are UTC in whole
seconds. 64-bit hashes are signed, because Delta has no unsigned integers. Amounts are
whole numbers of the currency's minor unit. An empty column means "not known".
"""
_TYPE_NAMES = {
    "String": "text",
    "Int64": "integer",
    "Boolean": "true/false",
    "Date": "date",
}


def page() -> str:
    """Return the text of docs/tables.md."""
    return "\n".join([_HEAD, *map(describe, TABLES)])


def describe(table: Table) -> str:
    """Return the section about one table."""
    nested = [
        _section(f"### An element of `{column.name}`", row)
        for column in columns(table.row)
        if (row := list_row(column.type)) is not None
    ]
    key = ", ".join(f"`{name}`" for name in table.key)
    return "\n".join(
        [
            f"## `{table.name}`",
            "",
            _summary(table.row),
            "",
            f"Key: {key}. {_order(table)}",
            *_added(table),
            "",
            _columns(table.row),
            *nested,
        ]
    )


def _order(table: Table) -> str:
    if not table.sort_by:
        return "Within a file the rows are sorted by the key."
    order = ", ".join(f"`{name}`" for name in table.sort_by)
    return f"Within a file the rows are sorted by {order}."


def _added(table: Table) -> list[str]:
    if not table.added:
        return []
    names = ", ".join(f"`{name}`" for name in table.added)
    text = f"Older files lack {names}; such rows are read with the default value."
    return ["", text]


def _section(heading: str, row: type[Row]) -> str:
    return "\n".join([heading, "", _summary(row), "", _columns(row)])


def _summary(row: type[Row]) -> str:
    return (row.__doc__ or "").strip().partition("\n")[0]


def _columns(row: type[Row]) -> str:
    types = polars_schema(row)
    lines = ["| column | type | empty? | meaning |", "|---|---|---|---|"]
    for column in columns(row):
        empty = "may be" if column.nullable else "never"
        kind = _type_name(column, types[column.name])
        lines.append(f"| `{column.name}` | {kind} | {empty} | {column.doc} |")
    return "\n".join([*lines, ""])


def _type_name(column: Column, dtype: Any) -> str:
    nested = list_row(column.type)
    if nested is not None:
        return f"list of {nested.__name__}"
    name = getattr(column.type, "__name__", "")
    if name in ("Hash64", "JsonText"):
        return {"Hash64": "64-bit hash", "JsonText": "JSON text"}[name]
    return _TYPE_NAMES.get(str(dtype), "timestamp")
