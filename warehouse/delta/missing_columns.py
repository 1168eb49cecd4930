"""The columns that a stored table lacks because an earlier version created it."""

from collections.abc import Sequence
from typing import Any

from warehouse.dtypes import delta_fields
from warehouse.schema import Table
from warehouse.table_errors import TableError


def missing_columns(
    table: Table, stored_fields: Sequence[dict[str, Any]]
) -> frozenset[str]:
    """Return the columns of *table* that are not among *stored_fields*.

    The order may differ: in an older table an added column is the last one. Raises
    ``TableError`` if the columns differ in any other way.
    """
    stored = {field["name"]: field for field in stored_fields}
    expected = {field["name"]: field for field in delta_fields(table.row)}
    missing = frozenset(expected.keys() - stored.keys())
    are_known = all(expected.get(name) == field for name, field in stored.items())
    if not are_known or not missing.issubset(table.added):
        raise TableError(
            f"open {table.name}: its columns are not those of this version",
            hint="start the version that wrote the table, or move the table away",
        )
    return missing
