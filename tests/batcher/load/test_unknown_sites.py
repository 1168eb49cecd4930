"""The batcher notes how many hits named no site, and never which name they sent."""

from datetime import timedelta

import msgspec

from batcher.load.load import load
from batcher.spool.spool import Spool
from proxy.pipeline.drops import DropReason
from tests.batcher.load.spooled_events import SETTINGS, spool_events
from tests.warehouse.event_rows import DAY, event
from warehouse.schema import Drop
from warehouse.tables import Warehouse
from warehouse.unknown_sites import (
    UNKNOWN_SITE_ID,
    read_unknown_hits,
    unknown_hits_path,
)

NOW_S = 1_795_400_000.0
DROP = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)


def unknown(count: int, protocol: str, *, days_ago: int = 0) -> Drop:
    """Return a count of hits that named no site."""
    return msgspec.structs.replace(
        DROP,
        site=UNKNOWN_SITE_ID,
        day=DAY - timedelta(days_ago),
        reason=DropReason.UNKNOWN_SITE,
        protocol=protocol,
        count=count,
    )


def test_hits_of_no_site_are_noted_for_the_doctor_without_their_name(
    spool: Spool, warehouse: Warehouse
) -> None:
    path = unknown_hits_path(spool.directory)
    spool_events(spool, [event()], drops=[DROP])
    load(spool, warehouse, SETTINGS, NOW_S)
    before = read_unknown_hits(path, DAY)
    drops = [unknown(3, "segment"), unknown(9, "ga4"), unknown(1, "ga4", days_ago=9)]
    for _ in range(2):
        spool_events(spool, [event()], drops=drops)
        load(spool, warehouse, SETTINGS, NOW_S)

    assert before == {}
    assert read_unknown_hits(path, DAY) == {"ga4": 18, "segment": 6}
    assert read_unknown_hits(path, DAY + timedelta(6)) == {"ga4": 18, "segment": 6}
    assert read_unknown_hits(path, DAY + timedelta(7)) == {}


def test_a_note_that_cannot_be_written_does_not_stop_the_load(
    spool: Spool, warehouse: Warehouse
) -> None:
    unknown_hits_path(spool.directory).mkdir()
    spool_events(spool, [event()], drops=[unknown(3, "segment")])

    result = load(spool, warehouse, SETTINGS, NOW_S)

    assert (result.events, result.dropped) == (1, 3)
    assert read_unknown_hits(unknown_hits_path(spool.directory), DAY) == {}
