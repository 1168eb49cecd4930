"""Figures of one dimension from its parts: sums, exact visitors, folding.

A part is a frame of site, value and some measures; figures are sums over all parts.
Visitors are sessions less the repeats, and repeats are only looked for where a
visitor has several sessions: counting distinct visitors everywhere costs far more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

ALL = "(all)"
NONE = "(none)"
OTHER = "(other)"

SESSION_MEASURES = ("visitors", "sessions", "bounces", "duration_s")
EVENT_MEASURES = ("pageviews", "events", "engaged_ms")
ORDER_MEASURES = ("orders", "value_minor")
MEASURES = (*SESSION_MEASURES, *EVENT_MEASURES, *ORDER_MEASURES)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What the figures of one dimension are made of.

    ``parts``: site, value, perhaps currency (null: the site's), and any measures,
    ``visitors`` being that of ``sessions``. One with the column ``session`` has a
    row for each session and value. ``several``: session, site, visitor and value
    of the sessions whose visitor has several, a row for each session and value.
    """

    dimension: str
    parts: Sequence[pl.LazyFrame]
    several: pl.LazyFrame


def figures(breakdowns: Iterable[Breakdown], value_limit: int) -> pl.DataFrame:
    """Return all measures by site, dimension, value and currency.

    A site keeps *value_limit* values of a dimension, those with the most sessions,
    then events; the rest is counted again as one value, (other).
    """
    by_name = {each.dimension: each for each in breakdowns}
    found = _summed(by_name.values())
    crowded = (
        found.filter(pl.col("currency").is_null())
        .group_by("site", "dimension")
        .len()
        .filter(pl.col("len") > value_limit)
    )
    if crowded.is_empty():
        return found
    names = crowded["dimension"].unique()
    fine = found.filter(~pl.col("dimension").is_in(names.implode()))
    folded = (_folded(by_name[name], found, value_limit) for name in names)
    return pl.concat([fine, _summed(folded)])


def labelled(value: pl.Expr) -> pl.Expr:
    """Return *value* as a part has it: text, never null."""
    return value.fill_null(NONE).alias("value")


def _summed(breakdowns: Iterable[Breakdown]) -> pl.DataFrame:
    """Return the sums over all parts of every breakdown."""
    queries = [
        query.with_columns(dimension=pl.lit(each.dimension))
        for each in breakdowns
        for query in (*map(_by_value, each.parts), _repeats(each.several))
    ]
    return (
        pl.concat(pl.collect_all(queries), how="diagonal")
        .group_by("site", "dimension", "value", "currency")
        .agg(pl.col(MEASURES).sum())
    )


def _by_value(part: pl.LazyFrame) -> pl.LazyFrame:
    columns = part.collect_schema().names()
    keys = [name for name in ("site", "value", "currency") if name in columns]
    measures = [name for name in MEASURES if name in columns]
    return part.group_by(keys).agg(pl.col(measures).sum())


def _repeats(several: pl.LazyFrame) -> pl.LazyFrame:
    """Return how often a visitor came to a value again, as visitors below nought."""
    distinct = pl.col("visitor").n_unique().cast(pl.Int64)
    return several.group_by("site", "value").agg(
        visitors=distinct - pl.len().cast(pl.Int64)
    )


def _folded(each: Breakdown, found: pl.DataFrame, value_limit: int) -> Breakdown:
    """Return *each* with every value but the kept ones called (other)."""
    kept = (
        found.filter(pl.col("currency").is_null(), dimension=each.dimension)
        .sort("sessions", "events", "value", descending=[True, True, False])
        .group_by("site")
        .head(value_limit)
        .select("site", "value", kept="value")
        .lazy()
    )
    return Breakdown(
        each.dimension,
        [_fold(part, kept) for part in each.parts],
        _fold(each.several, kept),
    )


def _fold(part: pl.LazyFrame, kept: pl.LazyFrame) -> pl.LazyFrame:
    folded = (
        part.join(kept, on=["site", "value"], how="left")
        .with_columns(value=pl.col("kept").fill_null(OTHER))
        .drop("kept")
    )
    if "session" in part.collect_schema().names():
        return folded.unique(["session", "value"])
    return folded
