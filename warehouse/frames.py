"""Collect lazy frames: the only module that chooses Polars' engine.

Polars' default engine does not guarantee the order of rows. If the order affects the
stored rows, the engine must keep it: docs/decisions/0054-one-engine-for-every-frame.md.
"""

from collections.abc import Iterable
from typing import Final

import polars as pl

_IN_ORDER: Final = "in-memory"
_IN_BATCHES: Final = "streaming"


def collect(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return *rows* in the order of the query plan."""
    return rows.collect(engine=_IN_ORDER)


def collect_all(queries: Iterable[pl.LazyFrame]) -> list[pl.DataFrame]:
    """Return the rows of each query in any order; shared parts are computed once."""
    return pl.collect_all(queries, engine=_IN_BATCHES)


def collect_unordered(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return *rows* in any order; needs memory for a few batches and the result."""
    return rows.collect(engine=_IN_BATCHES)
