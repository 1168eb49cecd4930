"""A drain loads everything acknowledged before it, or fails with the reason."""

import os
from collections.abc import Callable

import pytest

from batcher.drain import DrainTimeoutError, drain
from batcher.load.load_result import LoadResult
from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import (
    SETTINGS,
    left_over,
    spool_events,
    stored_events,
)
from tests.batcher.spool.segment_files import SETTINGS as SPOOL_SETTINGS
from tests.batcher.spool.segment_files import Clock, leave_open, segment_of
from tests.warehouse.event_rows import event, lines
from warehouse.locks import try_lock
from warehouse.tables import Warehouse


def drain_with(
    spool: Spool, warehouse: Warehouse, meanwhile: Callable[[], object]
) -> LoadResult:
    """Drain, and call *meanwhile* instead of each sleep."""
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        meanwhile()

    return drain(
        spool, warehouse, SETTINGS, 0.0, timeout_s=5, monotonic=clock, sleep=sleep
    )


def test_open_segments_are_sealed_on_request_and_loaded(
    spool: Spool, warehouse: Warehouse
) -> None:
    spool_events(spool, [event(path="/sealed")])
    lane = Lane.open(spool, "lane-007", SPOOL_SETTINGS, clock=Clock())
    lane.commit(lines([event(path="/open")]), [])
    result = drain_with(spool, warehouse, lambda: lane.seal_if_due(Clock().now_s))

    assert result.events == 2
    assert [row.path for row in stored_events(warehouse)] == ["/open", "/sealed"]
    assert left_over(spool) == []


def test_a_drain_does_not_wait_for_later_groups(
    spool: Spool, warehouse: Warehouse
) -> None:
    lane = Lane.open(spool, "lane-007", SPOOL_SETTINGS, clock=Clock())
    lane.commit(lines([event(path="/before")]), [])

    def meanwhile() -> None:
        lane.seal_if_due(Clock().now_s)
        lane.commit(lines([event(path="/after")]), [])

    drain_with(spool, warehouse, meanwhile)

    assert [row.path for row in stored_events(warehouse)] == ["/before"]
    assert len(spool.unsealed()) == 1


def test_segments_of_dead_owners_are_loaded_without_waiting(
    spool: Spool, warehouse: Warehouse
) -> None:
    leave_open(spool, "lane-007", 3, segment_of(lines([event()])))
    slept: list[str] = []
    drain_with(spool, warehouse, lambda: slept.append("once"))

    assert stored_events(warehouse) == [event()]
    assert slept == []


def test_a_drain_does_not_wait_for_ever_for_an_open_segment(
    spool: Spool, warehouse: Warehouse
) -> None:
    lane = Lane.open(spool, "lane-007", SPOOL_SETTINGS)
    lane.commit(lines([event()]), [])

    with pytest.raises(DrainTimeoutError, match="1 segments are still open"):
        drain_with(spool, warehouse, lambda: None)
    lane.close()
    drain_with(spool, warehouse, lambda: None)
    assert stored_events(warehouse) == [event()]


def test_a_drain_waits_for_another_load(spool: Spool, warehouse: Warehouse) -> None:
    spool_events(spool, [event()])
    locks = [try_lock(spool.load_lock)]

    def meanwhile() -> None:
        while locks:
            _close(locks.pop())

    drain_with(spool, warehouse, meanwhile)

    assert stored_events(warehouse) == [event()]


def test_a_drain_does_not_wait_for_ever_for_another_load(
    spool: Spool, warehouse: Warehouse
) -> None:
    lock = try_lock(spool.load_lock)

    with pytest.raises(DrainTimeoutError, match="another load is running"):
        drain_with(spool, warehouse, lambda: None)
    _close(lock)


def _close(descriptor: int | None) -> None:
    assert descriptor is not None
    os.close(descriptor)
