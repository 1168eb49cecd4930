"""The result of counting, from ``daily_stats`` or from the events."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class CountedColumns:
    """Additive columns by the dimensions of the query, and currencies left out.

    Amounts in *other_currencies* are not in the sums.
    """

    figures: pl.DataFrame
    other_currencies: frozenset[str] = frozenset()

    def __add__(self, other: "CountedColumns") -> "CountedColumns":
        """Return the columns of two sets of days together."""
        return CountedColumns(
            pl.concat([self.figures, other.figures], how="diagonal_relaxed"),
            self.other_currencies | other.other_currencies,
        )
