"""Figures of one dimension from its parts: sums, exact visitors, folding.

A part is a frame with site, value and some measures; the figures are sums over all
parts. Visitors are sessions minus repeats. Repeats are counted only for visitors with
several sessions, because counting distinct visitors everywhere costs far more.
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
    """Codes for pairs of site and value, made of their indexes in the two series."""

    sites: pl.Series
    values: pl.Series

    def code(self, site_no: pl.Series, value_no: pl.Series) -> pl.Series:
        """Return the code of each pair of site and value."""
        return value_no.cast(pl.UInt64) * len(self.sites) + site_no

    def decoded(self, part: pl.LazyFrame) -> pl.LazyFrame:
        """Return *part* with site and value instead of their code."""
        code, count = pl.col("code"), len(self.sites)
        return part.with_columns(
            pl.lit(self.sites).gather(code % count).alias("site"),
            pl.lit(self.values).gather(code // count).alias("value"),
        ).drop("code")


def numbered(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return a number for each value, and the values in the order of their numbers."""
    # These categories are freed with the last series that uses them. The shared
    # categories would keep every path in memory until the process ends.
    categories = pl.Categories.random()
    texts = values.cast(pl.Categorical(categories))
    return texts.to_physical().alias("value_no"), categories.to_series()


def distinct_pairs(first: pl.Series, second: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct pairs of two columns of 32-bit numbers."""
    both = (first.cast(pl.UInt64) * (1 << _HALF) + second).unique()
    return (both // (1 << _HALF)).cast(pl.UInt32), (both & _LOW).cast(pl.UInt32)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The input for the figures of one dimension.

    ``parts``: frames with site and value, or their code; optionally the currency (null
    means that of the site); and any measures, where ``visitors`` counts sessions. A
    part with the column ``session`` has a row for each session and value.
    ``several``: a row for each session and value of the visitors with several sessions,
    with the columns session, site and value (or code), and visitor_no.
    """

    dimension: str
    parts: Sequence[pl.LazyFrame]
    several: pl.LazyFrame
    codes: ValueCodes | None = None


def figures(breakdowns: Iterable[Breakdown], value_limit: int) -> pl.DataFrame:
    """Return all measures by site, dimension, value and currency.

    A site keeps *value_limit* values of a dimension: those with the most sessions, then
    the most events. All other values are counted again as one value, (other).
    """
    by_name = {breakdown.dimension: breakdown for breakdown in breakdowns}
    sums = _summed(by_name.values())
    over_limit = (
        sums.filter(pl.col("currency").is_null())
        .group_by("site", "dimension")
        .len()
        .filter(pl.col("len") > value_limit)
    )
    if over_limit.is_empty():
        return sums
    names = over_limit["dimension"].unique()
    unchanged = sums.filter(~pl.col("dimension").is_in(names.implode()))
    folded = (_folded(by_name[name], sums, value_limit) for name in names)
    return pl.concat([unchanged, _summed(folded)])


def labelled(value: pl.Expr) -> pl.Expr:
    """Return *value* as a part needs it: text, never null."""
    return value.fill_null(NONE).alias("value")


def _summed(breakdowns: Iterable[Breakdown]) -> pl.DataFrame:
    """Return the sums over all parts of every breakdown."""
    ordered = list(breakdowns)
    queries = [
        [*map(_by_value, breakdown.parts), _repeats(breakdown.several)]
        for breakdown in ordered
    ]
    frames = iter(collect_all([query for group in queries for query in group]))
    sums = [
        _merged(breakdown, [next(frames) for _ in group])
        for breakdown, group in zip(ordered, queries, strict=True)
    ]
    return _totals(pl.concat(sums, how="diagonal"), list(_FIGURE))


def _merged(breakdown: Breakdown, sums: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the sums of the parts of one dimension; codes are summed and decoded."""
    plain = [part for part in sums if "code" not in part.columns]
    if breakdown.codes is not None:
        coded = [part for part in sums if "code" in part.columns]
        totals = _totals(pl.concat(coded, how="diagonal"), ["code"])
        plain.append(collect(breakdown.codes.decoded(totals.lazy())))
    merged = pl.concat(plain, how="diagonal")
    return merged.with_columns(dimension=pl.lit(breakdown.dimension))


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
    """Return the repeated visits of visitors to a value, as negative visitors."""
    distinct = pl.col("visitor_no").n_unique().cast(pl.Int64)
    return several.group_by(_keys(several)).agg(
        visitors=distinct - pl.len().cast(pl.Int64)
    )


def _plain(part: pl.LazyFrame, codes: ValueCodes | None) -> pl.LazyFrame:
    """Return *part* with site and value, decoded if it has a code."""
    return codes.decoded(part) if codes and _is_coded(part) else part


def _folded(breakdown: Breakdown, sums: pl.DataFrame, value_limit: int) -> Breakdown:
    """Return *breakdown* with all values beyond the limit replaced by (other)."""
    kept = (
        sums.filter(pl.col("currency").is_null(), dimension=breakdown.dimension)
        .sort("sessions", "events", "value", descending=[True, True, False])
        .group_by("site")
        .head(value_limit)
        .select("site", "value", kept="value")
        .lazy()
    )
    return Breakdown(
        breakdown.dimension,
        [_fold(_plain(part, breakdown.codes), kept) for part in breakdown.parts],
        _fold(_plain(breakdown.several, breakdown.codes), kept),
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
