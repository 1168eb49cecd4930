"""A load plan is finished, discarded or set aside; drop counts wait for their table."""

import shutil
from pathlib import Path

import pytest

from batcher.load.load import load
from batcher.load.load_plan import LoadPlan, next_token
from batcher.load.load_result import DropsWaitError
from batcher.load.missing_frames import FrameRecord
from batcher.load.row_accounting import RowsLostError
from batcher.spool.segment import FRAME_HEADER_BYTES, HEADER_BYTES, read_frames
from batcher.spool.spool import Spool
from config.errors import MillpondError
from tests.batcher.load.spooled_events import (
    SETTINGS,
    left_over,
    spool_events,
    stored_drops,
    stored_events,
)
from tests.batcher.spool.segment_files import file_size_limit
from tests.warehouse.event_rows import DAY, event
from warehouse.schema import DROPS, EVENTS, Drop
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
DROP = Drop(site="shop", day=DAY, hour=9, reason="bot", protocol="native", count=3)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a warehouse with both tables."""
    warehouse = Warehouse(tmp_path / "warehouse")
    for table in (EVENTS, DROPS):
        warehouse.open(table)
    return warehouse


def spool_paths(spool: Spool, *paths: str) -> None:
    """Spool an event for each path twice, and three drops."""
    events = [event(path=path, event_id=ord(path[1])) for path in paths]
    spool_events(spool, events, events, drops=[DROP])


def first_entry(warehouse: Warehouse, name: str) -> Path:
    """Return the first log entry of a table."""
    return warehouse.root / name / "_delta_log" / f"{0:020}.json"


class DamagedTable:
    """A table with a damaged log, which can be repaired."""

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        self._path = first_entry(warehouse, name)
        self._content = self._path.read_bytes()
        self._path.write_bytes(b"{}")

    def repair(self) -> None:
        """Restore the log entry."""
        self._path.write_bytes(self._content)


def test_drops_wait_while_their_table_is_damaged_and_are_counted_once(
    spool: Spool, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = DamagedTable(warehouse, "drops")
    for path in ("/a", "/b", "/c"):
        spool_paths(spool, path)
        loaded = load(spool, warehouse, SETTINGS, NOW_S)
    waiting = left_over(spool)
    logged = [line for line in caplog.messages if line.startswith("drops_not_stored")]

    assert [row.path for row in stored_events(warehouse)] == ["/a", "/b", "/c"]
    assert len(waiting) == loaded.waiting == 3
    with pytest.raises(DropsWaitError, match="the drop counts of 3 loads wait"):
        loaded.check()
    assert logged
    assert "table=drops" in logged[0]
    damaged.repair()
    for _ in range(2):
        load(spool, warehouse, SETTINGS, NOW_S)

        assert left_over(spool) == []
        counts = {key[3]: count for key, count in stored_drops(warehouse).items()}
        assert counts == {"bot": 9, "duplicate": 3}


def test_later_drops_are_stored_after_the_waiting_ones(
    spool: Spool, warehouse: Warehouse
) -> None:
    damaged = DamagedTable(warehouse, "drops")
    spool_paths(spool, "/a")
    load(spool, warehouse, SETTINGS, NOW_S)
    damaged.repair()
    spool_paths(spool, "/b")
    load(spool, warehouse, SETTINGS, NOW_S)

    assert left_over(spool) == []
    assert sum(stored_drops(warehouse).values()) == 8


def test_nothing_is_removed_while_the_events_are_damaged(
    spool: Spool, warehouse: Warehouse
) -> None:
    damaged = DamagedTable(warehouse, "events")
    spool_paths(spool, "/a")
    before = [segment.path.read_bytes() for segment in spool.sealed()]
    with pytest.raises(MillpondError):
        load(spool, warehouse, SETTINGS, NOW_S)

    assert [segment.path.read_bytes() for segment in spool.sealed()] == before
    damaged.repair()
    load(spool, warehouse, SETTINGS, NOW_S)
    assert len(stored_events(warehouse)) == 1


def interrupt_load(
    spool: Spool, warehouse: Warehouse, tmp_path: Path
) -> tuple[bytes, list[tuple[Path, bytes]]]:
    """Load, then restore the state between the two commits.

    Returns the content of the plan, and the path and content of each segment.
    """
    segments = [(segment.path, segment.path.read_bytes()) for segment in spool.sealed()]
    empty = shutil.copytree(warehouse.root / "drops", tmp_path / "drops")
    (warehouse.root / "drops" / "_delta_log" / f"{0:020}.json").write_bytes(b"{}")
    load(spool, warehouse, SETTINGS, NOW_S)
    (plan,) = spool.directory.glob("load-drops-*.json")
    shutil.rmtree(warehouse.root / "drops")
    empty.rename(warehouse.root / "drops")
    content = plan.read_bytes()
    plan.rename(spool.load_plan)
    for path, text in segments:
        path.write_bytes(text)
    return content, segments


def test_the_plan_is_durable_before_the_events(
    spool: Spool, warehouse: Warehouse
) -> None:
    spool_paths(spool, "/a")

    # The plan fits, but no data file does.
    with file_size_limit(4_000), pytest.raises(MillpondError):
        load(spool, warehouse, SETTINGS, NOW_S)

    assert spool.load_plan.exists()
    assert load(spool, warehouse, SETTINGS, NOW_S).events == 1
    assert not spool.load_plan.exists()


def test_a_plan_with_stored_events_is_finished(
    spool: Spool, warehouse: Warehouse, tmp_path: Path
) -> None:
    spool_paths(spool, "/a")
    interrupt_load(spool, warehouse, tmp_path)
    load(spool, warehouse, SETTINGS, NOW_S)

    assert left_over(spool) == []
    assert spool.quarantine.entries() == []
    assert len(stored_events(warehouse)) == 1
    assert sum(stored_drops(warehouse).values()) == 4


def test_a_segment_that_changed_after_the_plan_is_loaded_and_not_lost(
    spool: Spool, warehouse: Warehouse, tmp_path: Path
) -> None:
    spool_events(spool, [event(path="/a")], [event(path="/b")], drops=[DROP])
    (segment,) = spool.sealed()
    whole = segment.path.read_bytes()
    # The state of a copy from when only the first group was written.
    first = read_frames(whole).frames[0]
    segment.path.write_bytes(
        whole[: HEADER_BYTES + FRAME_HEADER_BYTES + len(first.payload)]
    )
    spool_events(spool, drops=[DROP])
    interrupt_load(spool, warehouse, tmp_path)
    segment.path.write_bytes(whole)
    load(spool, warehouse, SETTINGS, NOW_S)

    assert [row.path for row in stored_events(warehouse)] == ["/a", "/b"]
    assert sum(stored_drops(warehouse).values()) == 6
    assert left_over(spool) == []
    assert spool.quarantine.entries() == []


def test_a_damaged_plan_is_set_aside_and_no_segment_is_lost(
    spool: Spool,
    warehouse: Warehouse,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool_paths(spool, "/a")
    content, segments = interrupt_load(spool, warehouse, tmp_path)
    damaged = content.replace(b'"count":3', b'"count":7')
    spool.load_plan.write_bytes(damaged)
    load(spool, warehouse, SETTINGS, NOW_S)
    quarantined_plan = spool.quarantine.directory / "load-plan.json"

    assert quarantined_plan.read_bytes() == damaged
    assert "load_plan_damaged" in caplog.text
    assert "file=load-plan.json" in caplog.text
    assert len(stored_events(warehouse)) == 1
    assert [path.read_bytes() for path in spool.quarantined()] == [
        text for _, text in segments
    ]
    assert stored_drops(warehouse) == {}


@pytest.mark.parametrize("content", [b"", b"{}", b"{}\n00000000\n", b"\xff\xfe"])
def test_garbage_in_place_of_a_plan_stops_no_load(
    spool: Spool, warehouse: Warehouse, content: bytes
) -> None:
    spool_paths(spool, "/a")
    spool.load_plan.write_bytes(content)
    load(spool, warehouse, SETTINGS, NOW_S)

    assert len(stored_events(warehouse)) == 1
    assert left_over(spool) == []


def test_waiting_drops_in_a_damaged_plan_are_set_aside(
    spool: Spool, warehouse: Warehouse
) -> None:
    damaged = DamagedTable(warehouse, "drops")
    for path in ("/a", "/b"):
        spool_paths(spool, path)
        load(spool, warehouse, SETTINGS, NOW_S)
    damaged.repair()
    first, _ = sorted(left_over(spool))
    first.write_bytes(first.read_bytes()[:-3])
    load(spool, warehouse, SETTINGS, NOW_S)

    assert left_over(spool) == []
    assert [path.name for path in spool.quarantine.entries()] == [first.name]
    assert sum(stored_drops(warehouse).values()) == 4


def plan_of(token: int, highest: int) -> LoadPlan:
    """Return a plan to load the frames of one incarnation up to *highest*."""
    entry = FrameRecord({"aa": 0}, {"aa": highest}, {}, {}, {})
    return LoadPlan(token, entry, [], [])


@pytest.mark.parametrize(
    ("token", "highest", "expected"),
    [
        pytest.param(7, 4, True, id="the newest load is that of the plan"),
        pytest.param(8, 4, False, id="no load is as new as the plan"),
        pytest.param(6, 4, True, id="a later load recorded its frames"),
        pytest.param(6, 5, False, id="its frames are not recorded"),
        pytest.param(8, 3, False, id="an earlier load recorded its frames"),
    ],
)
def test_a_plan_is_committed_if_the_table_has_its_token(
    warehouse: Warehouse, token: int, highest: int, *, expected: bool
) -> None:
    events = warehouse.open(EVENTS)
    events.append(events.read(), transactions={"aa": 4, "load": 7})

    assert plan_of(token, highest).is_committed(events) is expected


def test_tokens_grow_with_the_version() -> None:
    assert next_token(7, (1 << 20) - 1) < next_token(8, 0)


def test_a_load_that_would_lose_rows_stores_nothing(
    spool: Spool, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool_paths(spool, "/a", "/b")
    monkeypatch.setattr(
        "batcher.load.row_accounting.with_amounts", lambda rows, *_: rows.head(1)
    )
    with pytest.raises(RowsLostError, match="of 4 events 1 are new, 2 repeated"):
        load(spool, warehouse, SETTINGS, NOW_S)

    assert stored_events(warehouse) == []
    assert len(spool.sealed()) == 1
