"""Pairs of site and value as one number each: numbers group far faster than text."""

from dataclasses import dataclass

import polars as pl

_HALF = 32
_LOW = (1 << _HALF) - 1


@dataclass(frozen=True, slots=True)
class Codes:
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
