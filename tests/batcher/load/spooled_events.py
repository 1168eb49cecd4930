"""Spool events for tests of the load, and read the stored rows afterwards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from batcher.spool.lane import open_free_lane
from batcher.spool.spool import Spool
from config.settings import Settings, SiteSettings, SpoolSettings
from tests.warehouse.event_rows import events, lines
from warehouse.key_commitment import key_commitment
from warehouse.schema import DROPS, EVENTS, Drop, Event
from warehouse.tables import Warehouse

Counts = dict[tuple[str, str, int, str, str], int]

SETTINGS = Settings(
    sites=(
        SiteSettings(id="shop", domains=("shop.example",), timezone="Europe/Berlin"),
        SiteSettings(id="blog", domains=("blog.example",)),
    )
)


def spool_events(
    spool: Spool,
    *groups: Sequence[Event],
    drops: Sequence[Drop] = (),
    keys: Mapping[str, bytes] | None = None,
) -> None:
    """Commit each group, with *drops* in the last, and seal them as one segment.

    *keys* are the site keys that the segment names for its rows.
    """
    commitments = None
    if keys is not None:
        commitments = {site: key_commitment(key) for site, key in keys.items()}
    lane = open_free_lane(spool, SpoolSettings(), keys=commitments)
    for group in groups[:-1]:
        lane.commit(lines(group), [])
    last = lines(groups[-1]) if groups else []
    lane.commit(last, [msgspec.json.encode(drop) for drop in drops])
    lane.close()


def stored_events(warehouse: Warehouse) -> list[Event]:
    """Return all stored events in an order that does not depend on the files."""
    rows = events(warehouse.view(EVENTS).read())
    return sorted(rows, key=msgspec.json.encode)


def stored_drops(warehouse: Warehouse) -> Counts:
    """Return the stored number of drops by key."""
    counts: Counts = {}
    columns = ["site", "day", "hour", "reason", "protocol", "count"]
    for site, day, hour, reason, protocol, count in (
        warehouse.view(DROPS).read().select(columns).rows()
    ):
        key = (site, day.isoformat(), hour, reason, protocol)
        counts[key] = counts.get(key, 0) + count
    return counts


def left_over(spool: Spool) -> list[Path]:
    """Return the files that a finished load must not leave in the spool."""
    segments = [segment.path for segment in [*spool.sealed(), *spool.unsealed()]]
    return [*segments, *spool.directory.glob("*.json")]
