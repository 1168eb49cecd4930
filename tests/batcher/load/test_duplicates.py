"""The split into first and repeated events equals that of a plain reference."""

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcher.load.duplicates import (
    DUPLICATE,
    event_drops,
    split_duplicates,
    sum_drops,
)
from batcher.load.key_index import KeyIndex
from tests.hypothesis_settings import few_examples
from tests.warehouse.event_rows import DAY, event, events, frame
from warehouse.dtypes import check_frame
from warehouse.figures.order_rule import ORDER_PLACED
from warehouse.schema import DROPS, EVENTS, Drop, Event
from warehouse.tables import Warehouse

WINDOW_DAYS = 2
_EVENTS = st.lists(
    st.builds(
        event,
        site=st.sampled_from(["shop", "blog"]),
        day=st.integers(0, 5).map(lambda days: DAY + timedelta(days)),
        at=st.integers(0, 3),
        event_id=st.none() | st.integers(0, 2),
        name=st.sampled_from([ORDER_PLACED, "pageview"]),
        order_key=st.none() | st.integers(0, 1),
        server=st.booleans(),
        seq=st.uuids().map(lambda unique: unique.int >> 65),
    ),
    max_size=8,
)


def reference(new: list[Event], stored: list[Event]) -> list[Event]:
    """Return the events of *new* to store, by a slow and plain rule."""
    in_time = sorted(new, key=lambda row: (row.at, row.seq))
    days: dict[tuple[str, int], list[date]] = {}
    by_id: list[Event] = []
    for row in [*stored, *in_time]:
        if row.event_id is not None:
            stored_days = days.setdefault((row.site, row.event_id), [])
            near = [abs((row.day - day).days) <= WINDOW_DAYS for day in stored_days]
            if any(near) and row not in stored:
                continue
            stored_days.append(row.day)
        by_id.append(row)
    orders: dict[tuple[str, int], tuple[date, set[bool]]] = {}
    first: list[Event] = []
    for row in by_id:
        if row.name == ORDER_PLACED and row.order_key is not None:
            order = orders.setdefault((row.site, row.order_key), (row.day, set()))
            if (row.day != order[0] or row.server in order[1]) and (row not in stored):
                continue
            order[1].add(row.server)
        first.append(row)
    return [row for row in first if row not in stored]


@few_examples()
@given(new=_EVENTS, stored=_EVENTS)
def test_the_split_equals_the_reference(new: list[Event], stored: list[Event]) -> None:
    stored = reference(stored, [])
    with TemporaryDirectory() as directory:
        table = Warehouse(Path(directory)).open(EVENTS)
        table.append(frame(stored))
        split = split_duplicates(frame(new), table, KeyIndex(), window_days=WINDOW_DAYS)
    first = events(split.first)

    assert sorted(first, key=_unique) == sorted(reference(new, stored), key=_unique)
    both = first + events(split.repeated)
    assert sorted(both, key=_unique) == sorted(new, key=_unique)


@pytest.mark.parametrize("distance_days", [-3, -2, 0, 2, 3])
@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "in the same load"])
def test_a_message_id_repeats_within_the_window_only(
    tmp_path: Path, distance_days: int, *, is_stored: bool
) -> None:
    first = event(event_id=7, seq=1, at=1)
    second = event(
        event_id=7, seq=2, at=2, day=DAY + timedelta(distance_days), path="/again"
    )
    table = Warehouse(tmp_path).open(EVENTS)
    if is_stored:
        table.append(frame([first]))
    new = [second] if is_stored else [first, second]

    split = split_duplicates(frame(new), table, KeyIndex(), window_days=WINDOW_DAYS)

    is_near = abs(distance_days) <= WINDOW_DAYS
    assert events(split.repeated) == ([second] if is_near else [])


def _unique(row: Event) -> int:
    return row.seq


@pytest.mark.parametrize(
    ("zone", "at", "hour"),
    [
        pytest.param(
            "Europe/Berlin", 1_792_889_999, 2, id="before the clock goes back"
        ),
        pytest.param("Europe/Berlin", 1_792_890_000, 2, id="the repeated hour"),
        pytest.param("Asia/Kolkata", 1_792_890_000, 6, id="an offset of half an hour"),
        pytest.param(None, 1_792_890_000, 1, id="a removed site"),
    ],
)
def test_a_repeated_event_counts_in_its_local_hour(
    zone: str | None, at: int, hour: int
) -> None:
    zones = {} if zone is None else {"shop": zone}
    drops = event_drops(frame([event(at=at)]), DUPLICATE, zones)

    check_frame(drops, DROPS)
    assert drops.rows() == [("shop", DAY, hour, "duplicate", "native", 1, None)]


def test_without_repeated_events_there_are_no_drops() -> None:
    check_frame(event_drops(frame([]), DUPLICATE, {}), DROPS)


def test_drops_of_one_key_are_summed() -> None:
    first = Drop(site="shop", day=DAY, hour=1, reason="bot", protocol="p", count=2)
    other = Drop(site="shop", day=DAY, hour=2, reason="bot", protocol="p", count=1)
    crawler = msgspec.structs.replace(other, bot_kind="search_engine")
    summed = sum_drops(frame([other, first, crawler, first, crawler], Drop))

    check_frame(summed, DROPS)
    assert summed["count"].to_list() == [4, 1, 2]
    assert summed["bot_kind"].to_list() == [None, None, "search_engine"]
    assert sum_drops(pl.DataFrame(schema=summed.schema)).is_empty()


@pytest.mark.parametrize("repeat", [{"event_id": 1}, {"order_key": 1}])
def test_of_repeats_in_one_second_the_first_one_by_order_stays(
    tmp_path: Path, repeat: dict[str, int]
) -> None:
    table = Warehouse(tmp_path).open(EVENTS)
    rows = [event(name=ORDER_PLACED, seq=seq, **repeat) for seq in (70_000, 3, 65_536)]

    split = split_duplicates(frame(rows), table, KeyIndex(), window_days=WINDOW_DAYS)

    assert [row.seq for row in events(split.first)] == [3]
