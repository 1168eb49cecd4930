"""Whatever happens to a spool's files, each acknowledged event is stored once or said.

Every event has a path of its own and no message id, so that nothing but the identity
of its frame keeps it from being lost or doubled.
"""

import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest

from batcher.load.key_index import KeyIndex
from batcher.load.load import load
from batcher.spool.lane import Lane
from batcher.spool.spool import Spool
from tests.batcher.load.loads import SETTINGS, left_over, stored_drops
from tests.batcher.load.spool_writer import (
    LANE,
    NOW_S,
    Writer,
    copy,
    load_all,
    reasons,
    restore,
    stored,
    three_segments,
)
from tests.batcher.spool.spooled import SETTINGS as SPOOL_SETTINGS
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.schema import EVENTS, Drop
from warehouse.tables import TableView, Warehouse


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(tmp_path / "spool")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return Warehouse(tmp_path / "warehouse")


def test_a_lane_that_starts_over_with_its_numbers_loses_nothing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        writer = Writer(spool, acknowledged)
        writer.segment(2)
        writer.close()
        load_all(spool, warehouse)
        # What an earlier version kept its numbers in.
        (spool.lane_directory(LANE) / "next").write_bytes(b"1")

    assert stored(warehouse) == sorted(acknowledged)
    assert spool.quarantined() == []


def test_a_lane_removed_between_two_runs_starts_anew(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        writer = Writer(spool, acknowledged)
        writer.segment(2)
        writer.close()
        load_all(spool, warehouse)
        shutil.rmtree(spool.lane_directory(LANE))

    assert stored(warehouse) == sorted(acknowledged)


def test_a_spool_restored_from_before_a_load_goes_on_and_says_what_it_had(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.segment(2)
    writer.close()
    kept = copy(spool, "kept")
    load_all(spool, warehouse)
    restore(spool, kept)
    writer = Writer(spool, acknowledged)
    writer.segment(2)
    writer.close()
    load_all(spool, warehouse)

    assert stored(warehouse) == sorted(acknowledged)
    assert reasons(spool) == ["already_loaded"]


def test_a_copy_taken_while_it_was_written_costs_the_original_nothing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.commit()
    writer.commit()
    kept = copy(spool, "kept")
    writer.segment(3)
    load_all(kept, warehouse)
    load_all(spool, warehouse)
    writer.close()

    assert stored(warehouse) == sorted(acknowledged)
    assert reasons(spool) == reasons(kept) == []


def test_a_copy_with_an_open_segment_restored_after_the_load_is_set_aside(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.commit()
    kept = copy(spool, "kept")
    writer.segment(1)
    writer.close()
    load_all(spool, warehouse)
    restore(spool, kept)
    load_all(spool, warehouse)

    assert stored(warehouse) == sorted(acknowledged)
    assert reasons(spool) == ["already_loaded"]


def test_two_hosts_with_one_copied_spool_store_everything_once(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.segment(2)
    writer.commit()
    other = copy(spool, "other")
    both = [Writer(other, acknowledged, "other"), writer]
    for _ in range(2):
        for host in both:
            host.segment(2)
        load_all(other, warehouse)
        load_all(spool, warehouse)
    for host in both:
        host.close()

    assert stored(warehouse) == sorted(acknowledged)
    assert reasons(spool) == ["already_loaded"]
    assert reasons(other) == []


def test_a_segment_that_is_there_twice_is_loaded_once_and_kept_once(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged: list[str] = []
    writer = Writer(spool, acknowledged)
    writer.segment(2)
    writer.close()
    (segment,) = spool.sealed()
    other = spool.lane_directory("restored")
    other.mkdir()
    shutil.copy(segment.path, other / "any name.segment")
    load_all(spool, warehouse)

    assert stored(warehouse) == sorted(acknowledged)
    assert reasons(spool) == ["already_loaded"]


def test_each_start_of_a_writer_is_one_record_in_the_table(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, segments = three_segments(spool)
    load_all(spool, warehouse)

    view = warehouse.view(EVENTS)
    assert {segment.writer for segment in segments} == {segments[0].writer}
    assert view.transaction_version(segments[0].writer) == len(acknowledged)


def test_a_batch_that_ends_between_two_segments_misses_nothing(
    spool: Spool, warehouse: Warehouse
) -> None:
    acknowledged, _ = three_segments(spool)
    load(spool, warehouse, SETTINGS, NOW_S, batch_bytes=1)

    assert stored(warehouse) == acknowledged
    assert spool.quarantine.entries() == []


class Meanwhile(KeyIndex):
    """Keys that let a copy of the spool be loaded between the look and the commit."""

    def __init__(self, other: Spool, warehouse: Warehouse) -> None:
        super().__init__()
        self._other: list[Spool] = [other]
        self._warehouse = warehouse

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return what was true before the other load."""
        found = super().events(view, keys, days)
        while self._other:
            load(self._other.pop(), self._warehouse, SETTINGS, NOW_S)
        return found


@pytest.mark.parametrize("more", [0, 2], ids=["all of it", "a part of it"])
def test_a_copy_loaded_between_the_look_and_the_commit_doubles_nothing(
    spool: Spool, warehouse: Warehouse, more: int
) -> None:
    lane = Lane.open(spool, LANE, SPOOL_SETTINGS)
    drop = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)

    def commit(path: str, number: int) -> None:
        rows = lines([event(path=path, event_id=number), event(path=path)])
        lane.commit(rows, [msgspec.json.encode(drop)])

    commit("/a", 1)
    other = copy(spool, "other")
    for number in range(more):
        commit("/b", 2 + number)
    lane.close()
    other.recover_lanes()
    done = load(
        spool, warehouse, SETTINGS, NOW_S, key_index=Meanwhile(other, warehouse)
    )

    assert Counter(stored(warehouse)) == Counter({"/a": 2, "/b": 2 * more})
    assert done.events == 2 * more
    assert sum(stored_drops(warehouse).values()) == 3 + 3 * more
    assert reasons(spool) == ([] if more else ["already_loaded"])
    assert left_over(spool) == left_over(other) == []
