"""The sites of loaded rows: renamed sites get their present name, removed ones no row.

A proxy that still runs with an older configuration accepts its events. They are counted
as drops of an unknown site, so nothing disappears without a count.
"""

from collections.abc import Collection, Mapping

import msgspec
import polars as pl

from batcher.load.read_segments import Batch
from warehouse.sites.rename import renamed
from warehouse.unknown_sites import UNKNOWN_SITE, UNKNOWN_SITE_ID


def with_present_names(batch: Batch, renames: Mapping[str, str]) -> Batch:
    """Return *batch* with the present names of its sites."""
    return msgspec.structs.replace(
        batch,
        events=renamed(batch.events, renames),
        drops=renamed(batch.drops, renames),
    )


def split_removed(
    batch: Batch, removed: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the events to store, the events of *removed* sites, and the drop counts.

    The drop counts of removed sites become counts of an unknown site.
    """
    if not removed:
        return batch.events, batch.events.clear(), batch.drops
    is_removed = pl.col("site").is_in(sorted(removed))
    drops = batch.drops.with_columns(
        reason=pl.when(is_removed).then(pl.lit(UNKNOWN_SITE)).otherwise("reason"),
        site=pl.when(is_removed).then(pl.lit(UNKNOWN_SITE_ID)).otherwise("site"),
    )
    gone = batch.events.filter(is_removed)
    return batch.events.filter(~is_removed), gone, drops


def as_unknown(events: pl.DataFrame) -> pl.DataFrame:
    """Return *events* under the name of the unknown site."""
    return events.with_columns(site=pl.lit(UNKNOWN_SITE_ID))
