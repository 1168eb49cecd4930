"""The rows of one batch: new events, repeated events and drop counts.

Every row that was read is stored as an event or counted as a drop.
"""

from collections.abc import Collection, Mapping

import msgspec
import polars as pl

from batcher.load.duplicates import (
    DUPLICATE,
    event_drops,
    split_duplicates,
    sum_drops,
)
from batcher.load.key_index import KeyIndex
from batcher.load.late_orders import with_order_days
from batcher.load.read_segments import Batch
from batcher.load.refunds import days_of_open_refunds, with_amounts
from batcher.load.site_names import (
    as_unknown,
    split_removed,
    with_present_names,
)
from config.errors import MillpondError
from config.settings import Settings
from config.site_names import renames
from warehouse.schema import Drop
from warehouse.sites.refile import refiled
from warehouse.tables import TableView, TouchedDays
from warehouse.unknown_sites import UNKNOWN_SITE


class RowsLostError(MillpondError):
    """The rows to store are not the rows that were read; nothing was committed."""


class AccountedRows(msgspec.Struct, frozen=True):
    """The events to store, and the drop counts, repeated events included."""

    events: pl.DataFrame
    drops: list[Drop]
    # (site, day) of stored refunds whose amounts follow from these events.
    touched: TouchedDays


def account_rows(
    batch: Batch,
    stored: TableView,
    key_index: KeyIndex,
    settings: Settings,
    removed: Collection[str] = (),
    former_zones: Mapping[str, str] | None = None,
) -> AccountedRows:
    """Return the rows of *batch* to store beside the events in *stored*.

    Events of *removed* sites are counted as drops. Events that were dated by one of the
    *former_zones* get their days in the present zone. Raises ``RowsLostError`` unless
    every row of *batch* is stored or counted.
    """
    keyed = [site.id for site in settings.sites if site.actors == "keyed"]
    batch = with_present_names(batch, renames(settings))
    events, gone, dropped = split_removed(batch, removed)
    zones = {site.id: site.timezone for site in settings.sites}
    events = refiled(events, zones, former_zones or {})
    events = with_order_days(events, stored, key_index, keyed=keyed)
    window_days = settings.warehouse.duplicate_window_days
    new, repeated = split_duplicates(events, stored, key_index, window_days=window_days)
    new = with_amounts(new, stored, key_index)
    drops = _drop_rows(dropped, repeated, gone, zones)
    _check_rows(batch, new, repeated.height, gone.height, drops)
    touched = days_of_open_refunds(new, stored, key_index)
    return AccountedRows(new, drops, touched)


def _drop_rows(
    drops: pl.DataFrame,
    repeated: pl.DataFrame,
    gone: pl.DataFrame,
    zones: Mapping[str, str],
) -> list[Drop]:
    duplicates = event_drops(repeated, DUPLICATE, zones)
    unknown = event_drops(as_unknown(gone), UNKNOWN_SITE, zones)
    rows = sum_drops(pl.concat([drops, duplicates, unknown]))
    return [Drop(**row) for row in rows.iter_rows(named=True)]


def _check_rows(
    batch: Batch, new: pl.DataFrame, repeated: int, gone: int, drops: list[Drop]
) -> None:
    events, dropped = batch.events.height, batch.drops["count"].sum()
    counted = sum(drop.count for drop in drops)
    is_every_event_stored = new.height + repeated + gone == events
    if not is_every_event_stored or counted != dropped + repeated + gone:
        raise RowsLostError(
            f"load the spool: of {events} events {new.height} are new, {repeated}"
            f" repeated and {gone} of removed sites; of {dropped} drops {counted} are"
            " counted",
            hint="nothing was stored or removed; report these figures",
        )
