"""The channels of events that the figures treat differently from all others."""

import polars as pl

# The channel of a page that was reached from the same site.
INTERNAL = "internal"


def is_internal() -> pl.Expr:
    """Return whether an event is on a page that was reached from the same site."""
    return (pl.col("channel") == INTERNAL).fill_null(value=False)
