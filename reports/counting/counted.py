"""What either way of counting returns."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class CountedColumns:
    """Additive columns by the question's dimensions, and what they leave out."""

    figures: pl.DataFrame
    other_currencies: frozenset[str] = frozenset()
