"""Pseudo-random columns: the same arguments give the same numbers on any machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST_MIX = 0xBF58476D1CE4E5B9
_SECOND_MIX = 0x94D049BB133111EB


def mix(seed: int, label: str, index: pl.Expr) -> pl.Expr:
    """Return 64 well-mixed unsigned bits for every index (the end of splitmix64)."""
    start = seed
    for char in label:
        start = (start * _FIRST_MIX + ord(char) * _GOLDEN + 1) & _MASK
    bits = index.cast(pl.UInt64) * pl.lit(_GOLDEN, pl.UInt64) + pl.lit(start, pl.UInt64)
    for shift, factor in ((30, _FIRST_MIX), (27, _SECOND_MIX)):
        bits = (bits ^ (bits // pl.lit(1 << shift, pl.UInt64))) * pl.lit(
            factor, pl.UInt64
        )
    return bits ^ (bits // pl.lit(1 << 31, pl.UInt64))


@dataclass(frozen=True, slots=True)
class Dice:
    """Uniform numbers for one day; every label gives an independent column."""

    seed: int
    day: date

    def roll(self, label: str, index: str) -> pl.Expr:
        """Return uniform numbers in [0, 1) that depend only on the column *index*."""
        bits = mix(self.seed, f"{self.day}{label}", pl.col(index))
        return (bits // pl.lit(1 << 11, pl.UInt64)).cast(pl.Float64) / float(1 << 53)

    def rank(self, label: str, index: str, count: int, bend: float = 3.0) -> pl.Expr:
        """Return numbers below *count*; small numbers are much more frequent."""
        return (self.roll(label, index).pow(bend) * count).cast(pl.UInt32)

    def pick(self, label: str, index: str, choices: Sequence[str | None]) -> pl.Expr:
        """Return one of *choices*; the first choices are more frequent."""
        values = pl.lit(pl.Series(choices, dtype=pl.String))
        return values.gather(self.rank(label, index, len(choices), 2.0))
