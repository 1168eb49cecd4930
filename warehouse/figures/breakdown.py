"""Figures of one dimension from its parts: sums, exact visitors, folding.

A part is a frame of site, value and some measures; figures are sums over all parts.
Visitors are sessions less the repeats, and repeats are only looked for where a
visitor has several sessions: counting distinct visitors everywhere costs far more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.frames import collect, collect_all

_HALF = 32
_LOW = (1 << _HALF) - 1
ALL = "(all)"
NONE = "(none)"
OTHER = "(other)"
SESSION_MEASURES = ("visitors", "sessions", "bounces", "duration_s", "conversions")
EVENT_MEASURES = ("pageviews", "events", "engaged_ms")
ORDER_MEASURES = ("orders", "value_minor", "refunds", "refund_minor")
_FIGURE = ("site", "dimension", "value", "currency")
MEASURES = (*SESSION_MEASURES, *EVENT_MEASURES, *ORDER_MEASURES)


@dataclass(frozen=True, slots=True)
class ValueCodes:
    """What numbers mean: a site's is its place in *sites*, a value's in *values*."""

    sites: pl.Series
    values: pl.Series

    def code(self, site_no: pl.Series, value_no: pl.Series) -> pl.Series:
        """Return the code of each pair."""
        return value_no.cast(pl.UInt64) * len(self.sites) + site_no

    def decoded(self, part: pl.LazyFrame) -> pl.LazyFrame:
        """Return *part* with site and value in place of their code."""
        code, count = pl.col("code"), len(self.sites)
        return part.with_columns(
            pl.lit(self.sites).gather(code % count).alias("site"),
            pl.lit(self.values).gather(code // count).alias("value"),
        ).drop("code")


def numbered(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return a number for each value, and the values in order of their numbers."""
    # Of categories of its own, which are forgotten with the last series of them:
    # the shared ones would remember every path for as long as the process lives.
    categories = pl.Categories.random()
    texts = values.cast(pl.Categorical(categories))
    return texts.to_physical().alias("value_no"), categories.to_series()


def distinct_pairs(first: pl.Series, second: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct pairs of two columns of 32-bit numbers."""
    both = (first.cast(pl.UInt64) * (1 << _HALF) + second).unique()
    return (both // (1 << _HALF)).cast(pl.UInt32), (both & _LOW).cast(pl.UInt32)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What the figures of one dimension are made of.

    ``parts``: site and value, or their code; perhaps currency (null: the site's); any
    measures, where ``visitors`` counts sessions. One with the column ``session`` has
    a row for each session and value. ``several``: session, site and value or code,
    and visitor_no of the sessions whose visitor has several, a row for each of these.
    """

    dimension: str
    parts: Sequence[pl.LazyFrame]
    several: pl.LazyFrame
    codes: ValueCodes | None = None


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
    asked = list(breakdowns)
    queries = [[*map(_by_value, each.parts), _repeats(each.several)] for each in asked]
    found = iter(collect_all([query for part in queries for query in part]))
    sums = [
        _merged(each, [next(found) for _ in part])
        for each, part in zip(asked, queries, strict=True)
    ]
    return _totals(pl.concat(sums, how="diagonal"), list(_FIGURE))


def _merged(each: Breakdown, sums: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the sums of one dimension's parts, those of one code added up."""
    plain = [part for part in sums if "code" not in part.columns]
    if each.codes is not None:
        coded = [part for part in sums if "code" in part.columns]
        whole = _totals(pl.concat(coded, how="diagonal"), ["code"])
        plain.append(collect(each.codes.decoded(whole.lazy())))
    merged = pl.concat(plain, how="diagonal")
    return merged.with_columns(dimension=pl.lit(each.dimension))


def _totals(parts: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    measures = [name for name in MEASURES if name in parts.columns]
    return parts.group_by(keys).agg(pl.col(measures).sum())


def _columns(part: pl.LazyFrame) -> list[str]:
    return part.collect_schema().names()


def _is_coded(part: pl.LazyFrame) -> bool:
    return "code" in _columns(part)


def _keys(part: pl.LazyFrame) -> list[str]:
    names = _columns(part)
    return [name for name in ("code", "site", "value", "currency") if name in names]


def _by_value(part: pl.LazyFrame) -> pl.LazyFrame:
    measures = [name for name in MEASURES if name in _columns(part)]
    return part.group_by(_keys(part)).agg(pl.col(measures).sum().cast(pl.Int64))


def _repeats(several: pl.LazyFrame) -> pl.LazyFrame:
    """Return how often a visitor came to a value again, as visitors below nought."""
    distinct = pl.col("visitor_no").n_unique().cast(pl.Int64)
    return several.group_by(_keys(several)).agg(
        visitors=distinct - pl.len().cast(pl.Int64)
    )


def _plain(part: pl.LazyFrame, codes: ValueCodes | None) -> pl.LazyFrame:
    """Return *part* with site and value, whether it came with a code or not."""
    return codes.decoded(part) if codes and _is_coded(part) else part


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
        [_fold(_plain(part, each.codes), kept) for part in each.parts],
        _fold(_plain(each.several, each.codes), kept),
    )


def _fold(part: pl.LazyFrame, kept: pl.LazyFrame) -> pl.LazyFrame:
    folded = (
        part.join(kept, on=["site", "value"], how="left")
        .with_columns(value=pl.col("kept").fill_null(OTHER))
        .drop("kept")
    )
    if "session" in _columns(part):
        return folded.unique(["session", "value"])
    return folded
