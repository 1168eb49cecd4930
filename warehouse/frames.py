"""From a lazy frame to rows: the one place that chooses Polars' engine.

Polars' default engine does not promise the order of rows. Where order decides what is
stored, the engine must keep it: docs/decisions/0054-one-engine-for-every-frame.md.
"""

from collections.abc import Iterable
from typing import Final

import polars as pl

_IN_ORDER: Final = "in-memory"
_IN_BATCHES: Final = "streaming"


def collect(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return *rows* in the order that the plan gives them."""
    return rows.collect(engine=_IN_ORDER)


def collect_all(queries: Iterable[pl.LazyFrame]) -> list[pl.DataFrame]:
    """Return the rows of each query, in any order; what they share is computed once."""
    return pl.collect_all(queries, engine=_IN_BATCHES)


def collect_unordered(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return *rows* in any order, in the memory of a few batches and the result."""
    return rows.collect(engine=_IN_BATCHES)
