"""Polars and Delta schemas from row classes, and the check of frames before a write.

A row class is the only list of a table's columns; all other code derives from it.
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
    """The columns of a frame differ from those of its table."""


class _Scalar(NamedTuple):
    """How one Python type of a row class is stored."""

    polars: Any
    delta: str
    spooled: Any  # the type in which the spool's JSON is read, before conversion


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
    """One column, as declared in its row class."""

    name: str
    type: Any
    nullable: bool
    default: Any  # msgspec.NODEFAULT if every row must have a value
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
    """Return the type without None, and whether the hint allows None."""
    if get_origin(hint) not in (types.UnionType, Union):
        return hint, False
    members = [part for part in get_args(hint) if part is not types.NoneType]
    return members[0], True


def added_defaults(table: Table) -> dict[str, Any]:
    """Return the values of the added columns of *table* in files without them.

    Columns that may be null are left out: their value in such files is null.
    """
    if not table.added:
        return {}
    return {
        column.name: column.default
        for column in columns(table.row)
        if column.name in table.added and not column.nullable
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
    return pl.Schema(
        {column.name: _polars_type(column.type) for column in columns(row)}
    )


def spool_schema(row: type[Row]) -> pl.Schema:
    """Return the schema for ``pl.read_ndjson``: days are text, times are numbers."""
    return pl.Schema(
        {
            column.name: _polars_type(column.type, spooled=True)
            for column in columns(row)
        }
    )


def _polars_type(hint: Any, *, spooled: bool = False) -> Any:
    nested = list_row(hint)
    if nested is not None:
        schema = spool_schema(nested) if spooled else polars_schema(nested)
        return pl.List(pl.Struct(dict(schema)))
    scalar = _SCALARS[hint]
    return scalar.spooled if spooled else scalar.polars


def delta_schema(row: type[Row]) -> str:
    """Return the Delta schema of *row* as JSON; every field in it is nullable.

    Delta's own null checks would quote rows in their errors. ``check_frame`` runs first
    and names only the column.
    """
    return json.dumps(_delta_struct(row))


def _delta_struct(row: type[Row]) -> dict[str, Any]:
    return {"type": "struct", "fields": delta_fields(row)}


def delta_fields(row: type[Row]) -> list[dict[str, Any]]:
    """Return the fields of the Delta schema of *row*, in stored order."""
    return [_delta_field(column) for column in columns(row)]


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

    Missing values and missing columns get their defaults. A missing value without a
    default stays null, and ``check_frame`` refuses it.
    """
    return frame.select(
        [_from_spool(column, frame).alias(column.name) for column in columns(row)]
    )


def _from_spool(column: Column, frame: pl.DataFrame) -> pl.Expr:
    """Return the expression that converts a spooled column to the stored one."""
    if column.name not in frame.columns:
        default = None if column.default is msgspec.NODEFAULT else column.default
        return pl.lit(default, _polars_type(column.type))
    values = pl.col(column.name)
    null_count = frame[column.name].null_count()
    nested = list_row(column.type)
    if nested is not None:
        is_empty = null_count == len(frame)
        return values if is_empty else values.list.eval(_items(nested))
    if column.type is date:
        return values.str.to_date(_DAY_FORMAT)
    if column.type is UtcSeconds:
        return (values * _SECOND_US).cast(UTC_MICROSECONDS)
    has_default = column.default is not msgspec.NODEFAULT
    if null_count and not column.nullable and has_default:
        return values.fill_null(column.default)
    return values


def _items(row: type[Row]) -> pl.Expr:
    """Return the elements of a list column with their defaults filled in."""
    fields = []
    for column in columns(row):
        field = pl.element().struct.field(column.name)
        has_default = column.default not in (None, msgspec.NODEFAULT)
        fields.append(field.fill_null(column.default) if has_default else field)
    return pl.struct(fields)


def check_frame(frame: pl.DataFrame, table: Table) -> None:
    """Raise ``FrameError`` if the columns of *frame* are not exactly the table's.

    The error quotes no values. Delta and Parquet would store such a frame, and only its
    readers would fail.
    """
    schema = polars_schema(table)
    for position, (name, dtype) in enumerate(schema.items()):
        got = frame.columns[position] if position < frame.width else None
        if got != name:
            _refuse(table, f"column {position} must be {name!r}, got {got!r}")
        if frame.dtypes[position] != dtype:
            _refuse(table, f"{name!r} must be {dtype}, got {frame.dtypes[position]}")
    if frame.width > len(schema):
        _refuse(table, f"column {frame.columns[len(schema)]!r} is not in its row class")
    for column in columns(table.row):
        if not column.nullable and frame[column.name].null_count():
            _refuse(table, f"{column.name!r} must not be null")


def _refuse(table: Table, problem: str) -> None:
    raise FrameError(
        f"write {table.name}: {problem}",
        hint=f"the columns must be those of {table.row.__name__} in"
        " warehouse/schema.py",
    )
