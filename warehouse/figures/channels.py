"""The channels of events that the figures treat differently from all others."""

import polars as pl

# The channel of a page that was reached without a referrer or campaign.
DIRECT = "direct"
# The channel of a page that was reached from the same site.
INTERNAL = "internal"


def is_internal() -> pl.Expr:
    """Return whether an event is on a page that was reached from the same site."""
    return (pl.col("channel") == INTERNAL).fill_null(value=False)


def known_channel() -> pl.Expr:
    """Return the channel of an event; without a session, null instead of direct.

    Nobody knows how a visitor came who has no session.
    """
    is_unknown = pl.col("session").is_null() & (pl.col("channel") == DIRECT)
    return pl.when(~is_unknown.fill_null(value=False)).then("channel").alias("channel")
