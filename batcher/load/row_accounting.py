"""The rows of one batch: new events, repeated events and drop counts.

Every row that was read is stored as an event or counted as a drop.
"""

import msgspec
import polars as pl

from batcher.load.duplicates import duplicate_drops, split_duplicates, sum_drops
from batcher.load.key_index import KeyIndex
from batcher.load.late_orders import with_order_days
from batcher.load.read_segments import Batch
from batcher.load.refunds import days_of_open_refunds, with_amounts
from config.errors import MillpondError
from config.settings import Settings
from warehouse.schema import Drop
from warehouse.tables import TableView, TouchedDays


class RowsLostError(MillpondError):
    """The rows to store are not the rows that were read; nothing was committed."""


class AccountedRows(msgspec.Struct, frozen=True):
    """The events to store, and the drop counts, repeated events included."""

    events: pl.DataFrame
    drops: list[Drop]
    # (site, day) of stored refunds whose amounts follow from these events.
    touched: TouchedDays


def account_rows(
    batch: Batch, stored: TableView, key_index: KeyIndex, settings: Settings
) -> AccountedRows:
    """Return the rows of *batch* to store beside the events in *stored*.

    Raises ``RowsLostError`` unless every row of *batch* is stored or counted.
    """
    keyed = [site.id for site in settings.sites if site.actors == "keyed"]
    events = with_order_days(batch.events, stored, key_index, keyed=keyed)
    window_days = settings.warehouse.duplicate_window_days
    new, repeated = split_duplicates(events, stored, key_index, window_days=window_days)
    new = with_amounts(new, stored, key_index)
    drops = _drop_rows(batch.drops, repeated, settings)
    _check_rows(batch, new, repeated, drops)
    touched = days_of_open_refunds(new, stored, key_index)
    return AccountedRows(new, drops, touched)


def _drop_rows(
    drops: pl.DataFrame, repeated: pl.DataFrame, settings: Settings
) -> list[Drop]:
    zones = {site.id: site.timezone for site in settings.sites}
    rows = sum_drops(pl.concat([drops, duplicate_drops(repeated, zones)]))
    return [Drop(**row) for row in rows.iter_rows(named=True)]


def _check_rows(
    batch: Batch, new: pl.DataFrame, repeated: pl.DataFrame, drops: list[Drop]
) -> None:
    events, dropped = batch.events.height, batch.drops["count"].sum()
    counted = sum(drop.count for drop in drops)
    is_every_event_stored = new.height + repeated.height == events
    if not is_every_event_stored or counted != dropped + repeated.height:
        raise RowsLostError(
            f"load the spool: of {events} events {new.height} are new and"
            f" {repeated.height} repeated; of {dropped} drops {counted} are counted",
            hint="nothing was stored or removed; report these figures",
        )
