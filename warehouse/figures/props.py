"""The allowed properties of events as dimensions: ``prop:plan`` for the key ``plan``.

Properties are stored as JSON. The distinct texts are few, so each is decoded once.
"""

from collections.abc import Mapping

import msgspec
import polars as pl

from warehouse.figures.prop_names import PROP_PREFIX, prop_dimension

_Scalar = str | int | float | bool
_SCHEMA = {"props": pl.String(), "dimension": pl.String(), "value": pl.String()}


def prop_rows(texts: pl.Series) -> pl.DataFrame:
    """Return a row for each property of each distinct JSON text in *texts*."""
    rows = [
        (text, prop_dimension(key), value)
        for text in texts.drop_nulls().unique()
        for key, value in _decoded(text).items()
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def prop_value(dimension: str) -> pl.Expr:
    """Return the value of *dimension* in ``props``; null without this property."""
    key = dimension.removeprefix(PROP_PREFIX)

    def values(texts: pl.Series) -> pl.Series:
        values_by_text = {
            text: _decoded(text).get(key) for text in texts.drop_nulls().unique()
        }
        if not values_by_text:
            return pl.repeat(None, len(texts), dtype=pl.String, eager=True)
        return texts.replace_strict(
            values_by_text, default=None, return_dtype=pl.String
        )

    return pl.col("props").map_batches(
        values, return_dtype=pl.String, is_elementwise=True
    )


def _decoded(text: str) -> Mapping[str, str]:
    values_by_key = msgspec.json.decode(text, type=dict[str, _Scalar])
    return {key: _text(value) for key, value in values_by_key.items()}


def _text(value: _Scalar) -> str:
    """Return *value* as text; a number and a truth value as JSON writes them."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
