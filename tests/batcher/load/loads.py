"""What tests of the load spool, and what they compare afterwards."""

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
    """Commit each group, and *drops* with the last, and seal them as one segment.

    It names *keys*, by site, as those its rows were hashed with.
    """
    named = None
    if keys is not None:
        named = {site: key_commitment(key) for site, key in keys.items()}
    lane = open_free_lane(spool, SpoolSettings(), keys=named)
    for group in groups[:-1]:
        lane.commit(lines(group), [])
    last = lines(groups[-1]) if groups else []
    lane.commit(last, [msgspec.json.encode(drop) for drop in drops])
    lane.close()


def stored_events(warehouse: Warehouse) -> list[Event]:
    """Return all stored events, in an order that does not depend on their files."""
    found = events(warehouse.view(EVENTS).read())
    return sorted(found, key=msgspec.json.encode)


def stored_drops(warehouse: Warehouse) -> Counts:
    """Return how many drops are stored under each key."""
    counts: Counts = {}
    for site, day, hour, reason, protocol, count in warehouse.view(DROPS).read().rows():
        key = (site, day.isoformat(), hour, reason, protocol)
        counts[key] = counts.get(key, 0) + count
    return counts


def left_over(spool: Spool) -> list[Path]:
    """Return what a finished load must not leave in the spool."""
    found = [each.path for each in [*spool.sealed(), *spool.unsealed()]]
    return [*found, *spool.directory.glob("*.json")]
