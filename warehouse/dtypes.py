"""Row class to Polars and Delta types, and the check of a frame before each write.

Nothing else may spell a table's column list; what a row class says is what is stored.
"""

import json
import types
import typing
from datetime import date
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
import polars as pl

from config.errors import MillpondError
from warehouse.schema import Hash64, JsonText, Row, Table, UtcSeconds

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
_SECOND_US = 1_000_000
_DAY_FORMAT = "%Y-%m-%d"


class FrameError(MillpondError):
    """A frame does not have the columns its table is made of."""


class _Scalar(NamedTuple):
    """How one Python type of a row class is stored."""

    polars: Any
    delta: str
    spooled: Any  # what it is read as from a spool's JSON, before conversion


_SCALARS: dict[Any, _Scalar] = {
    str: _Scalar(pl.String(), "string", pl.String()),
    JsonText: _Scalar(pl.String(), "string", pl.String()),
    int: _Scalar(pl.Int64(), "long", pl.Int64()),
    Hash64: _Scalar(pl.Int64(), "long", pl.Int64()),
    bool: _Scalar(pl.Boolean(), "boolean", pl.Boolean()),
    date: _Scalar(pl.Date(), "date", pl.String()),
    UtcSeconds: _Scalar(UTC_MICROSECONDS, "timestamp", pl.Int64()),
}


class Column(NamedTuple):
    """One column as its row class declares it."""

    name: str
    type: Any
    nullable: bool
    default: Any  # msgspec.NODEFAULT where the row must name a value
    doc: str


def columns(row: type[Row]) -> list[Column]:
    """Return the columns of *row*, in stored order."""
    hints = typing.get_type_hints(row, include_extras=True)
    return [_column(field, hints[field.name]) for field in msgspec.structs.fields(row)]


def _column(field: msgspec.structs.FieldInfo, hint: Any) -> Column:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"column {field.name!r} has no Doc")
    base, *notes = get_args(hint)
    plain, nullable = _without_none(base)
    return Column(field.name, plain, nullable, field.default, notes[0].text)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return the type without its None, and whether it had one."""
    if get_origin(hint) not in (types.UnionType, Union):
        return hint, False
    kept = [part for part in get_args(hint) if part is not types.NoneType]
    return kept[0], True


def added_defaults(table: Table) -> dict[str, Any]:
    """Return what the added columns of *table* are in files that lack them.

    Those that may be null are left out: null is what they are there.
    """
    if not table.added:
        return {}
    return {
        each.name: each.default
        for each in columns(table.row)
        if each.name in table.added and not each.nullable
    }


def list_row(hint: Any) -> type[Row] | None:
    """Return the row class of a list column such as ``tuple[Item, ...]``."""
    if get_origin(hint) is not tuple:
        return None
    row: type[Row] = get_args(hint)[0]
    return row


def polars_schema(source: Table | type[Row]) -> pl.Schema:
    """Return the Polars schema of a table's stored rows."""
    row = source.row if isinstance(source, Table) else source
    return pl.Schema({each.name: _polars_type(each.type) for each in columns(row)})


def spool_schema(row: type[Row]) -> pl.Schema:
    """Return the schema for ``pl.read_ndjson``: day is text, times are numbers."""
    return pl.Schema(
        {each.name: _polars_type(each.type, spooled=True) for each in columns(row)}
    )


def _polars_type(hint: Any, *, spooled: bool = False) -> Any:
    nested = list_row(hint)
    if nested is not None:
        schema = spool_schema(nested) if spooled else polars_schema(nested)
        return pl.List(pl.Struct(dict(schema)))
    scalar = _SCALARS[hint]
    return scalar.spooled if spooled else scalar.polars


def delta_schema(row: type[Row]) -> str:
    """Return the Delta schema of *row* as JSON; every field is nullable there.

    Delta's own null checks would quote rows in their errors; ``check_frame``
    refuses nulls first, and names only the column.
    """
    return json.dumps(_delta_struct(row))


def _delta_struct(row: type[Row]) -> dict[str, Any]:
    return {"type": "struct", "fields": delta_fields(row)}


def delta_fields(row: type[Row]) -> list[dict[str, Any]]:
    """Return the fields of the Delta schema of *row*, in stored order."""
    return [_delta_field(each) for each in columns(row)]


def _delta_field(column: Column) -> dict[str, Any]:
    nested = list_row(column.type)
    kind: Any = (
        _SCALARS[column.type].delta
        if nested is None
        else {
            "type": "array",
            "elementType": _delta_struct(nested),
            "containsNull": True,
        }
    )
    return {"name": column.name, "type": kind, "nullable": True, "metadata": {}}


def from_spool(frame: pl.DataFrame, row: type[Row]) -> pl.DataFrame:
    """Return rows read with ``spool_schema`` as the table stores them.

    Values the spool left out get their defaults, also whole columns that *frame*
    lacks; one that is missing without a default stays null, for ``check_frame`` to
    refuse.
    """
    return frame.select(
        [_from_spool(each, frame).alias(each.name) for each in columns(row)]
    )


def _from_spool(column: Column, frame: pl.DataFrame) -> pl.Expr:
    """Return what turns a spooled column into a stored one."""
    if column.name not in frame.columns:
        default = None if column.default is msgspec.NODEFAULT else column.default
        return pl.lit(default, _polars_type(column.type))
    values = pl.col(column.name)
    empty = frame[column.name].null_count()
    nested = list_row(column.type)
    if nested is not None:
        return values if empty == len(frame) else values.list.eval(_items(nested))
    if column.type is date:
        return values.str.to_date(_DAY_FORMAT)
    if column.type is UtcSeconds:
        return (values * _SECOND_US).cast(UTC_MICROSECONDS)
    if empty and not column.nullable and column.default is not msgspec.NODEFAULT:
        return values.fill_null(column.default)
    return values


def _items(row: type[Row]) -> pl.Expr:
    """Return the elements of a list column with their defaults filled in."""
    fields = []
    for each in columns(row):
        field = pl.element().struct.field(each.name)
        has_default = each.default not in (None, msgspec.NODEFAULT)
        fields.append(field.fill_null(each.default) if has_default else field)
    return pl.struct(fields)


def check_frame(frame: pl.DataFrame, table: Table) -> None:
    """Refuse a frame whose columns are not exactly the table's, without quoting values.

    Delta and Parquet would store such a frame, and readers would find out later.
    """
    wanted = polars_schema(table)
    for position, (name, dtype) in enumerate(wanted.items()):
        got = frame.columns[position] if position < frame.width else None
        if got != name:
            _refuse(table, f"column {position} must be {name!r}, got {got!r}")
        if frame.dtypes[position] != dtype:
            _refuse(table, f"{name!r} must be {dtype}, got {frame.dtypes[position]}")
    if frame.width > len(wanted):
        _refuse(table, f"column {frame.columns[len(wanted)]!r} is not in its row class")
    for each in columns(table.row):
        if not each.nullable and frame[each.name].null_count():
            _refuse(table, f"{each.name!r} must not be null")


def _refuse(table: Table, problem: str) -> None:
    raise FrameError(
        f"write {table.name}: {problem}",
        hint=f"the columns are those of {table.row.__name__} in warehouse/schema.py",
    )
