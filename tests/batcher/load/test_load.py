"""A load stores each event once, counts duplicates, and empties the spool."""

from datetime import date, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from batcher.load.key_index import KeyIndex
from batcher.load.load import LoadBusyError, load
from batcher.load.load_result import LoadResult
from batcher.spool.spool import Spool
from tests.batcher.load.spooled_events import (
    SETTINGS,
    left_over,
    spool_events,
    stored_drops,
    stored_events,
)
from tests.batcher.spool.make_segments import FOLDER
from tests.batcher.spool.segment_files import leave_open, segment_of
from tests.warehouse.event_rows import DAY, event, lines
from warehouse.locks import locked
from warehouse.schema import EVENTS, Drop, Event
from warehouse.tables import TableView, Warehouse

NOW_S = 1_795_400_000.0
DROP = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)


def load_lists(spool: Spool, warehouse: Warehouse, *loads: list[Event]) -> list[Event]:
    """Spool and load each list in turn; return the stored events."""
    for rows in loads:
        spool_events(spool, rows)
        load(spool, warehouse, SETTINGS, NOW_S)
    return stored_events(warehouse)


def test_spooled_rows_are_stored_and_the_spool_is_emptied(
    spool: Spool, warehouse: Warehouse
) -> None:
    stored = [event(path="/a"), event(path="/b"), event(site="blog", day=DAY)]
    spool_events(spool, stored[:1], stored[1:], drops=[DROP, DROP])
    size = sum(segment.size_bytes for segment in spool.sealed())
    result = load(spool, warehouse, SETTINGS, NOW_S)

    assert result == LoadResult(
        events=3, segments=1, dropped=6, size_bytes=size, days=frozenset({DAY})
    )
    assert stored_events(warehouse) == sorted(stored, key=msgspec.json.encode)
    assert stored_drops(warehouse) == {("shop", "2026-11-22", 9, "bot", "native"): 6}
    assert left_over(spool) == []
    assert warehouse.view(EVENTS).touched(0) == {("shop", DAY), ("blog", DAY)}


def test_loading_an_empty_spool_commits_nothing(
    spool: Spool, warehouse: Warehouse
) -> None:
    assert load(spool, warehouse, SETTINGS, NOW_S) == LoadResult()
    assert warehouse.view(EVENTS).version == 0


def test_drops_without_events_are_counted(spool: Spool, warehouse: Warehouse) -> None:
    spool_events(spool, drops=[DROP])
    load(spool, warehouse, SETTINGS, NOW_S)

    assert stored_events(warehouse) == []
    assert sum(stored_drops(warehouse).values()) == 3


def test_many_segments_are_loaded_in_bounded_batches(
    spool: Spool, warehouse: Warehouse
) -> None:
    for number in range(7):
        spool_events(spool, [event(path=f"/{number}")])
    result = load(spool, warehouse, SETTINGS, NOW_S, batch_bytes=400)

    assert result.events == result.segments == 7
    assert warehouse.view(EVENTS).version > 2
    assert warehouse.view(EVENTS).rows() == 7


def test_the_segment_of_a_dead_owner_is_loaded(
    spool: Spool, warehouse: Warehouse
) -> None:
    leave_open(spool, "lane-007", 3, segment_of(lines([event()])) + b"\x01torn")
    load(spool, warehouse, SETTINGS, NOW_S)

    assert stored_events(warehouse) == [event()]
    assert left_over(spool) == []


def test_a_restored_segment_is_not_loaded_again(
    spool: Spool, warehouse: Warehouse
) -> None:
    spool_events(spool, [event(), event()])
    (segment,) = spool.sealed()
    content = segment.path.read_bytes()
    load(spool, warehouse, SETTINGS, NOW_S)
    segment.path.write_bytes(content)
    result = load(spool, warehouse, SETTINGS, NOW_S)
    (path,) = spool.quarantined()
    reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())

    assert result == LoadResult(quarantined=1)
    assert path.read_bytes() == content
    assert reason["problems"] == ["already_loaded"]
    assert reason["frames"] == {segment.writer: [{"first": 1, "last": 1}]}
    assert warehouse.view(EVENTS).rows() == 2
    assert left_over(spool) == []


def test_only_one_load_of_a_spool_runs_at_a_time(
    spool: Spool, warehouse: Warehouse
) -> None:
    with locked(spool.load_lock), pytest.raises(LoadBusyError):
        load(spool, warehouse, SETTINGS, NOW_S)


@pytest.mark.parametrize("loads", [1, 2], ids=["in one load", "in two loads"])
@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        pytest.param({}, {}, 1, id="same id, same day"),
        pytest.param({}, {"day": DAY + timedelta(7)}, 1, id="at the end of the window"),
        pytest.param({}, {"day": DAY + timedelta(8)}, 2, id="after the window"),
        pytest.param(
            {}, {"day": DAY - timedelta(7)}, 1, id="earlier, within the window"
        ),
        pytest.param({}, {"site": "blog"}, 2, id="another site"),
        pytest.param({}, {"event_id": 2}, 2, id="another id"),
        pytest.param({"event_id": None}, {"event_id": None}, 2, id="without an id"),
    ],
)
def test_a_message_id_is_recognised_within_the_window(
    spool: Spool,
    warehouse: Warehouse,
    loads: int,
    first: dict[str, object],
    second: dict[str, object],
    count: int,
) -> None:
    both = [event(**{"event_id": 1, **first}), event(**{"event_id": 1, **second})]
    stored = load_lists(
        spool, warehouse, *([both] if loads == 1 else [[e] for e in both])
    )

    assert len(stored) == count
    assert sum(stored_drops(warehouse).values()) == 2 - count


@pytest.mark.parametrize("loads", [1, 2], ids=["in one load", "in two loads"])
@pytest.mark.parametrize(
    ("second", "count"),
    [
        pytest.param({"day": DAY + timedelta(900)}, 1, id="years later"),
        pytest.param({"site": "blog"}, 2, id="another site"),
        pytest.param({"order_key": 9}, 2, id="another order"),
        pytest.param({"name": "order_refunded"}, 2, id="a refund"),
        pytest.param({"server": True}, 2, id="also reported by the server"),
        pytest.param(
            {"server": True, "day": DAY + timedelta(1)},
            2,
            id="also reported by the server a day later",
        ),
        pytest.param(
            {"server": True, "day": DAY - timedelta(1)},
            1,
            id="also reported by the server a day before",
        ),
    ],
)
def test_an_order_is_stored_once_for_ever(
    spool: Spool,
    warehouse: Warehouse,
    loads: int,
    second: dict[str, object],
    count: int,
) -> None:
    order = {"name": "order_placed", "order_key": 8}
    both = [event(event_id=1, **order), event(**{"event_id": 2, **order, **second})]
    stored = load_lists(
        spool, warehouse, *([both] if loads == 1 else [[e] for e in both])
    )

    assert len(stored) == count


def test_a_refund_without_an_amount_gets_the_remaining_amount(
    spool: Spool, warehouse: Warehouse
) -> None:
    placed = {"name": "order_placed", "value_minor": 500, "currency": "EUR"}
    spool_events(spool, [event(event_id=1, order_key=8, **placed)])
    load(spool, warehouse, SETTINGS, NOW_S)
    refund = {"name": "order_refunded", "day": DAY + timedelta(40)}
    spool_events(spool, [event(event_id=2, order_key=8, **refund)])
    load(spool, warehouse, SETTINGS, NOW_S)

    refunds = [row.refund_minor for row in stored_events(warehouse)]
    assert sorted(refunds, key=str) == [500, None]


def test_the_earliest_of_a_load_is_stored_unless_one_is_stored_already(
    spool: Spool, warehouse: Warehouse
) -> None:
    at = event().at
    spool_events(spool, [event(event_id=1, at=at, path="/later")])
    spool_events(spool, [event(event_id=1, at=at - 1, path="/earlier")])
    load(spool, warehouse, SETTINGS, NOW_S)
    spool_events(spool, [event(event_id=1, at=at - 9, path="/earliest")])
    load(spool, warehouse, SETTINGS, NOW_S)

    assert [row.path for row in stored_events(warehouse)] == ["/earlier"]


def test_only_stored_events_are_compared_within_the_window(
    spool: Spool, warehouse: Warehouse
) -> None:
    days = [DAY, DAY + timedelta(7), DAY + timedelta(14)]
    stored = load_lists(spool, warehouse, [event(event_id=1, day=day) for day in days])

    assert [row.day for row in stored] == [days[0], days[2]]


def test_duplicates_count_in_the_local_hour_of_their_event(
    spool: Spool, warehouse: Warehouse
) -> None:
    repeated = [event(event_id=1, protocol="pixel")] * 3
    other = [event(site="blog", event_id=1)] * 2
    load_lists(spool, warehouse, [*repeated, *other])

    assert stored_drops(warehouse) == {
        ("shop", "2026-11-22", 13, "duplicate", "pixel"): 2,
        ("blog", "2026-11-22", 12, "duplicate", "native"): 1,
    }


@pytest.mark.parametrize(
    ("name", "good_rows", "problem"),
    [
        pytest.param("torn-tail", 2, "torn_tail", id="torn tail"),
        pytest.param("bad-checksum", 3, "bad_checksum", id="bad checksum"),
        pytest.param("unknown-version", 0, "unknown_version", id="unknown version"),
        pytest.param("version-1", 0, "unknown_version", id="the first format"),
        pytest.param("empty", 0, "empty", id="empty"),
    ],
)
def test_a_damaged_segment_is_set_aside_and_its_good_frames_are_loaded(
    spool: Spool, warehouse: Warehouse, name: str, good_rows: int, problem: str
) -> None:
    content = (FOLDER / f"{name}.segment").read_bytes()
    spool_events(spool, [event(path="/replaced")])
    (segment,) = spool.sealed()
    segment.path.write_bytes(content)
    spool_events(spool, [event(path="/intact")])
    result = load(spool, warehouse, SETTINGS, NOW_S)
    (path,) = spool.quarantined()
    reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())

    assert result.quarantined == 1
    assert result.events == good_rows + 1
    assert path.read_bytes() == content
    assert reason["problems"] == [problem]
    assert reason["at"] == "2026-11-23T02:13:20+00:00"
    assert left_over(spool) == []


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b'{"site":"shop"', id="not JSON"),
        pytest.param(b'{"site":"shop","day":"2026-02-30","at":1}', id="no such day"),
        pytest.param(b'{"site":"shop","day":"2026-02-03","at":"x"}', id="wrong type"),
        pytest.param(
            b'{"site":"shop","day":"2026-02-03"}', id="a required field is missing"
        ),
        pytest.param(b"", id="empty line"),
        pytest.param(b"[1]", id="not an object"),
        pytest.param(b'{"a":1}\n{"b":2}', id="two lines in one row"),
    ],
)
def test_invalid_rows_cost_only_their_frame(
    spool: Spool, warehouse: Warehouse, bad: bytes
) -> None:
    good = lines([event(path="/good")])
    spool_events(spool, [event()])
    (segment,) = spool.sealed()
    segment.path.write_bytes(segment_of(good, [*good, bad], good))
    result = load(spool, warehouse, SETTINGS, NOW_S)
    (path,) = spool.quarantined()
    reason = msgspec.json.decode(path.with_suffix(".reason").read_bytes())

    assert result.events == 2
    assert [(lost["problem"], lost["rows"]) for lost in reason["lost"]] == [
        ("bad_rows", 2)
    ]


def test_a_damaged_segment_is_set_aside_again_if_it_was_loaded_before(
    spool: Spool, warehouse: Warehouse
) -> None:
    content = (FOLDER / "bad-checksum.segment").read_bytes()
    spool_events(spool, [event()])
    (segment,) = spool.sealed()
    segment.path.write_bytes(content)
    load(spool, warehouse, SETTINGS, NOW_S)
    (path,) = spool.quarantined()
    path.rename(segment.path)
    load(spool, warehouse, SETTINGS, NOW_S)

    assert spool.quarantined() == [path]
    assert warehouse.view(EVENTS).rows() == 3


class InterruptedIndex(KeyIndex):
    """An index that loads another spool between the search and the commit."""

    def __init__(self, other: Spool, warehouse: Warehouse) -> None:
        super().__init__()
        self._other = other
        self._warehouse = warehouse

    def events(
        self, view: TableView, keys: pl.Series, days: tuple[date, date]
    ) -> pl.Series:
        """Return the result from before the other load."""
        result = super().events(view, keys, days)
        load(self._other, self._warehouse, SETTINGS, NOW_S)
        return result


def test_a_duplicate_that_another_load_stores_meanwhile_is_found(
    spool: Spool, warehouse: Warehouse, tmp_path: Path
) -> None:
    other = Spool(tmp_path / "other")
    for each in (spool, other):
        spool_events(each, [event(event_id=1), event(event_id=None)])
    result = load(
        spool, warehouse, SETTINGS, NOW_S, key_index=InterruptedIndex(other, warehouse)
    )

    assert (result.events, result.duplicates) == (1, 1)
    assert warehouse.view(EVENTS).rows() == 3
    assert sum(stored_drops(warehouse).values()) == 1
