"""Copied, restored or removed spool files lose and repeat no acknowledged event.

Every event has its own path and no message id, so that only the identity of its frame
prevents a loss or a duplicate.
"""

import shutil
from collections import Counter
from datetime import date

import msgspec
import polars as pl
import pytest

from batcher.load.key_index import KeyIndex
from batcher.load.load import load
from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.load.spool_writer import (
    LANE,
    NOW_S,
    Writer,
    copy_spool,
    load_all,
    quarantine_reasons,
    restore_spool,
    stored_paths,
    write_three_segments,
)
from tests.batcher.load.spooled_events import SETTINGS, left_over, stored_drops
from tests.batcher.spool.segment_files import SETTINGS as SPOOL_SETTINGS
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import EVENTS, Drop
from warehouse.tables import TableView, Warehouse


def test_a_lane_that_restarts_its_segment_numbers_loses_nothing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        writer = Writer(spool, acknowledged)
        writer.write_segment(2)
        writer.close()
        load_all(spool, warehouse)
        # The file in which an earlier version kept the next number.
        (spool.lane_directory(LANE) / "next").write_bytes(b"1")

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert spool.quarantined() == []


def test_a_lane_removed_between_two_runs_is_created_again(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        writer = Writer(spool, acknowledged)
        writer.write_segment(2)
        writer.close()
        load_all(spool, warehouse)
        shutil.rmtree(spool.lane_directory(LANE))

    assert stored_paths(warehouse) == sorted(acknowledged)


def test_a_spool_restored_to_before_a_load_sets_loaded_segments_aside(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.write_segment(2)
    writer.close()
    backup = copy_spool(spool, "backup")
    load_all(spool, warehouse)
    restore_spool(spool, backup)
    writer = Writer(spool, acknowledged)
    writer.write_segment(2)
    writer.close()
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert quarantine_reasons(spool) == ["already_loaded"]


def test_loading_a_copy_of_a_running_spool_affects_no_event(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.commit()
    writer.commit()
    backup = copy_spool(spool, "backup")
    writer.write_segment(3)
    load_all(backup, warehouse)
    load_all(spool, warehouse)
    writer.close()

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert quarantine_reasons(spool) == quarantine_reasons(backup) == []


def test_a_restored_open_segment_that_was_loaded_is_set_aside(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.commit()
    backup = copy_spool(spool, "backup")
    writer.write_segment(1)
    writer.close()
    load_all(spool, warehouse)
    restore_spool(spool, backup)
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert quarantine_reasons(spool) == ["already_loaded"]


def test_two_hosts_with_copies_of_one_spool_store_everything_once(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.write_segment(2)
    writer.commit()
    other = copy_spool(spool, "other")
    both = [Writer(other, acknowledged, "other"), writer]
    for _ in range(2):
        for host in both:
            host.write_segment(2)
        load_all(other, warehouse)
        load_all(spool, warehouse)
    for host in both:
        host.close()

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert quarantine_reasons(spool) == ["already_loaded"]
    assert quarantine_reasons(other) == []


def test_a_copied_segment_is_loaded_once_and_set_aside_once(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.write_segment(2)
    writer.close()
    (segment,) = spool.sealed()
    other = spool.lane_directory("restored")
    other.mkdir()
    shutil.copy(segment.path, other / "any name.segment")
    load_all(spool, warehouse)

    assert stored_paths(warehouse) == sorted(acknowledged)
    assert quarantine_reasons(spool) == ["already_loaded"]


def test_each_start_of_a_writer_is_one_transaction_in_the_table(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = write_three_segments(spool)
    load_all(spool, warehouse)

    view = warehouse.view(EVENTS)
    assert {segment.writer for segment in segments} == {segments[0].writer}
    assert view.transaction_version(segments[0].writer) == len(acknowledged)


def test_a_batch_that_ends_between_two_segments_reports_nothing_missing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, _ = write_three_segments(spool)
    load(spool, warehouse, SETTINGS, NOW_S, batch_bytes=1)

    assert stored_paths(warehouse) == acknowledged
    assert spool.quarantine.entries() == []


class InterruptedIndex(KeyIndex):
    """An index that loads a copy of the spool between the search and the commit."""

    def __init__(self, other: Spool, warehouse: Warehouse) -> None:
        super().__init__()
        self._other: list[Spool] = [other]
        self._warehouse = warehouse

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return the result from before the other load."""
        result = super().events(view, keys, days)
        while self._other:
            load(self._other.pop(), self._warehouse, SETTINGS, NOW_S)
        return result


@pytest.mark.parametrize("more", [0, 2], ids=["the whole spool", "a part of it"])
def test_a_copy_loaded_between_search_and_commit_stores_nothing_twice(
    spool: Spool, warehouse: Warehouse, more: int
) -> None:
    lane = Lane.open(spool, LANE, SPOOL_SETTINGS)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)

    def commit(path: str, number: int) -> None:
        rows = lines([event(path=path, event_id=number), event(path=path)])
        lane.commit(rows, [msgspec.json.encode(drop)])

    commit("/a", 1)
    other = copy_spool(spool, "other")
    for number in range(more):
        commit("/b", 2 + number)
    lane.close()
    other.recover_lanes()
    result = load(
        spool, warehouse, SETTINGS, NOW_S, key_index=InterruptedIndex(other, warehouse)
    )

    assert Counter(stored_paths(warehouse)) == Counter({"/a": 2, "/b": 2 * more})
    assert result.events == 2 * more
    assert sum(stored_drops(warehouse).values()) == 3 + 3 * more
    assert quarantine_reasons(spool) == ([] if more else ["already_loaded"])
    assert left_over(spool) == left_over(other) == []
