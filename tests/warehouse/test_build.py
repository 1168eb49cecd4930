"""A build rewrites the changed days completely or not at all, and can be repeated."""

import shutil
from datetime import date
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import WarehouseSettings
from tests.warehouse.believed import believed_on
from tests.warehouse.day_frames import CURRENCIES, ZONES, Row, frame, rows
from tests.warehouse.event_strategies import DAYS, events_of
from tests.warehouse.figures import reference
from tests.warehouse.figures.test_figures import figures_of, in_key_order
from tests.warehouse.two_sites import (
    MONDAY,
    NOW,
    RULES,
    TUESDAY,
    build_two_sites,
    pageviews,
)
from warehouse import build, rebuild_check
from warehouse.delta.data_files import content_digest
from warehouse.figures.breakdown import MEASURES
from warehouse.info import table_infos
from warehouse.lifecycle import ledger
from warehouse.lifecycle.compaction import compact_all
from warehouse.lifecycle.retention import retain
from warehouse.locks import locked
from warehouse.schema import DAILY_STATS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.tables import StorageError, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a built warehouse with two sites, two days and ten visitors each."""
    return build_two_sites(tmp_path / "warehouse")


def totals(warehouse: Warehouse) -> dict[tuple[str, date], int]:
    """Return the stored visitors of each (site, day)."""
    rows = warehouse.view(DAILY_STATS).read().filter(pl.col("dimension") == "total")
    return {(row["site"], row["day"]): row["visitors"] for row in rows.to_dicts()}


def test_a_build_covers_every_site_and_day(warehouse: Warehouse) -> None:
    got = totals(warehouse)

    assert got == {
        (site, day): 10 for site in ("shop", "blog") for day in (MONDAY, TUESDAY)
    }


@settings(deadline=None, max_examples=5)
@given(st.tuples(*(st.lists(events_of(day), max_size=24) for day in DAYS)))
def test_a_build_of_many_days_equals_the_plain_reference(
    events: list[list[Row]],
) -> None:
    rules = build.Rules(currencies=CURRENCIES, zones=ZONES, value_limit=2)
    # The reference knows one day. Refunds of orders of other days have a test of their
    # own: tests/reports/reconcile/test_refund_totals.py.
    for number, day in enumerate(events):
        for row in day:
            if row["order_key"] is not None:
                row["order_key"] = row["order_key"] * len(DAYS) + number
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "warehouse")
        warehouse.open(EVENTS).append(frame([*chain(*events)]))
        build.build(warehouse, rules, NOW)
        derived = {
            table: warehouse.view(table).read() for table in (SESSIONS, DAILY_STATS)
        }

    sessions = [reference.sessions(day, CURRENCIES, ZONES) for day in events]
    assert in_key_order(rows(derived[SESSIONS])) == in_key_order([*chain(*sessions)])
    for day_date, day in zip(DAYS, events, strict=True):
        stats = derived[DAILY_STATS].filter(day=day_date)
        expected = reference.daily_stats(day, CURRENCIES, ZONES, 2)
        assert figures_of(stats) == {
            key: {name: row[name] for name in MEASURES} for key, row in expected.items()
        }


def test_a_second_build_does_nothing(warehouse: Warehouse) -> None:
    before = [info.version for info in table_infos(warehouse)]

    assert build.build(warehouse, RULES, NOW) == build.BuildResult()
    assert [info.version for info in table_infos(warehouse)] == before


def test_a_late_event_rebuilds_only_its_day(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(pageviews("shop", MONDAY, range(10, 13)))
    result = build.build(warehouse, RULES, NOW)

    assert (result.days, result.events) == (1, 13)
    assert totals(warehouse) == {
        ("shop", MONDAY): 13,
        ("shop", TUESDAY): 10,
        ("blog", MONDAY): 10,
        ("blog", TUESDAY): 10,
    }


def test_a_build_of_some_days_leaves_the_others_to_the_next_build(
    warehouse: Warehouse,
) -> None:
    events = warehouse.open(EVENTS)
    events.append(pageviews("shop", MONDAY, range(10, 11)))
    events.append(pageviews("shop", TUESDAY, range(10, 11)))
    build.build(warehouse, RULES, NOW, since=TUESDAY)

    assert totals(warehouse)["shop", MONDAY] == 10
    assert totals(warehouse)["shop", TUESDAY] == 11

    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["shop", MONDAY] == 11


def test_compaction_leaves_nothing_to_build(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(pageviews("shop", MONDAY, range(10, 11)))
    build.build(warehouse, RULES, NOW)
    merged = compact_all(warehouse, NOW)

    assert merged == 2
    assert build.build(warehouse, RULES, NOW).days == 0


def test_a_full_build_changes_no_row(warehouse: Warehouse) -> None:
    before = [warehouse.view(table).read() for table in (SESSIONS, DAILY_STATS)]
    result = build.build(warehouse, RULES, NOW, full=True)
    after = [warehouse.view(table).read() for table in (SESSIONS, DAILY_STATS)]

    assert result.days == 2
    for old, new in zip(before, after, strict=True):
        assert old.sort(pl.all()).equals(new.sort(pl.all()))


def test_only_one_build_runs_at_a_time(warehouse: Warehouse) -> None:
    with (
        locked(warehouse.root / "build.lock", shared=False),
        pytest.raises(build.BuildBusyError),
    ):
        build.build(warehouse, RULES, NOW)


@pytest.mark.parametrize("day", [MONDAY, TUESDAY])
@pytest.mark.parametrize("table", [SESSIONS, DAILY_STATS])
def test_a_day_that_cannot_be_written_leaves_both_tables_as_they_were(
    warehouse: Warehouse, table: Table, day: date
) -> None:
    days = (MONDAY, TUESDAY)
    warehouse.open(EVENTS).append(
        pl.concat([pageviews("shop", day, range(10, 20)) for day in days])
    )
    before = [info.version for info in table_infos(warehouse)]
    blocked = warehouse.root / table.name / f"day={day}"
    blocked.rename(blocked.with_name("elsewhere"))
    blocked.touch()

    with pytest.raises(StorageError):
        build.build(warehouse, RULES, NOW, full=True)

    assert [info.version for info in table_infos(warehouse)] == before


def test_a_site_that_is_no_longer_configured_is_built(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(pageviews("gone", MONDAY, range(3)))
    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["gone", MONDAY] == 3


def test_retention_removes_expired_files_and_records_it(
    warehouse: Warehouse,
) -> None:
    files = [
        warehouse.root / "events" / f.path
        for f in warehouse.view(EVENTS).files([MONDAY])
    ]
    removed = retain(
        warehouse,
        WarehouseSettings(keep_events_days=1),
        believed_on(date(2026, 11, 18)),
    )

    assert [(removal.table, removal.days, removal.rows) for removal in removed] == [
        ("events", (MONDAY,), 20)
    ]
    assert warehouse.view(EVENTS).days() == [TUESDAY]
    assert [file for file in files if file.exists()] == []
    entries = warehouse.view(LEDGER).read()
    assert entries["kind"].to_list() == ["retention"]
    assert ledger.verify(entries) == []


def test_figures_remain_after_their_events_are_removed(warehouse: Warehouse) -> None:
    keep = WarehouseSettings(keep_events_days=1)
    retain(warehouse, keep, believed_on(date(2026, 11, 18)))
    build.build(warehouse, RULES, NOW)
    build.build(warehouse, RULES, NOW, full=True)

    assert totals(warehouse)["shop", MONDAY] == 10
    assert rebuild_check.rebuild_differences(warehouse, RULES) == []


@pytest.mark.parametrize(
    "more", [0, 1, 2], ids=["fewer commits", "as many commits", "more commits"]
)
def test_events_restored_from_a_backup_are_built_again(
    warehouse: Warehouse, tmp_path: Path, more: int
) -> None:
    events = warehouse.root / EVENTS.name
    shutil.copytree(events, tmp_path / "backup")
    warehouse.open(EVENTS).append(pageviews("shop", MONDAY, range(10, 15), "/lost"))
    build.build(warehouse, RULES, NOW)
    shutil.rmtree(events)
    (tmp_path / "backup").rename(events)
    for number in range(more):
        new = pageviews("shop", MONDAY, range(20 + number, 21 + number), "/new")
        warehouse.open(EVENTS).append(new)
    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["shop", MONDAY] == 10 + more
    assert rebuild_check.rebuild_differences(warehouse, RULES) == []


@pytest.mark.parametrize("table", [SESSIONS, DAILY_STATS], ids=lambda table: table.name)
def test_a_derived_table_that_was_moved_away_is_built_again(
    warehouse: Warehouse, table: Table
) -> None:
    shutil.rmtree(warehouse.root / table.name)
    build.build(warehouse, RULES, NOW)

    assert rebuild_check.rebuild_differences(warehouse, RULES) == []
    assert warehouse.view(table).rows() > 0


def built_digests(
    root: Path, parts: list[pl.DataFrame]
) -> dict[str, list[tuple[str, str]]]:
    """Build *parts*; return the day and digest of each written file, by table."""
    warehouse = Warehouse(root)
    for part in parts:
        warehouse.open(EVENTS).append(part)
    rules = build.Rules(currencies=CURRENCIES, zones=ZONES, value_limit=3)
    build.build(warehouse, rules, NOW)
    return {
        table.name: sorted(
            (str(file.day), content_digest(root / table.name / file.path))
            for file in warehouse.view(table).files()
        )
        for table in (SESSIONS, DAILY_STATS)
    }


@settings(deadline=None, max_examples=5)
@given(
    st.lists(events_of(DAYS[0]), min_size=8, max_size=60),
    st.integers(2, 4),
    st.randoms(use_true_random=False),
)
def test_shuffled_events_in_other_files_give_the_same_bytes(
    events: list[Row], files: int, chance: Random
) -> None:
    shuffled = chance.sample(events, len(events))
    parts = [frame(shuffled[number::files]) for number in range(files)]
    with TemporaryDirectory() as folder:
        whole = built_digests(Path(folder) / "whole", [frame(events)])
        scattered = built_digests(Path(folder) / "scattered", parts)

    assert scattered == whole
