"""The build touches what changed, whole or not at all, and can be run again."""

import shutil
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import WarehouseSettings
from tests.warehouse.day import CURRENCIES, ZONES, Row, frame, rows
from tests.warehouse.days import DAYS, events_of
from tests.warehouse.figures import reference
from tests.warehouse.figures.test_figures import figures_of, keyed
from warehouse import build, rebuild_check
from warehouse.delta.data_files import content_digest
from warehouse.dtypes import polars_schema
from warehouse.figures.breakdown import MEASURES
from warehouse.info import table_infos
from warehouse.lifecycle import ledger
from warehouse.lifecycle.compaction import compact_all
from warehouse.lifecycle.retention import retain
from warehouse.locks import locked
from warehouse.schema import DAILY_STATS, EVENTS, LEDGER, SESSIONS, Table
from warehouse.tables import StorageError, Warehouse

NOW = 1_795_406_400.0
MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)
RULES = build.Rules(
    currencies={"shop": "EUR", "blog": "USD"},
    zones={"shop": "UTC", "blog": "UTC"},
    value_limit=100,
)


def views(site: str, day: date, visitors: range, path: str = "/") -> pl.DataFrame:
    """Return one pageview at noon for each of *visitors*."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rows = [
        {
            "site": site,
            "day": day,
            "at": noon,
            "seq": 0,
            "event_id": hash((site, day, visitor, path)),
            "visitor": visitor,
            "name": "pageview",
            "protocol": "native",
            "server": False,
            "passive": False,
            "late": False,
            "path": path,
        }
        for visitor in visitors
    ]
    schema = polars_schema(EVENTS)
    blank = dict.fromkeys(schema)
    return pl.DataFrame([blank | row for row in rows], schema=schema)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return two sites on two days, ten visitors each, built."""
    made = Warehouse(tmp_path / "warehouse")
    table = made.open(EVENTS)
    for day in (MONDAY, TUESDAY):
        table.append(
            pl.concat([views("shop", day, range(10)), views("blog", day, range(10))])
        )
    build.build(made, RULES, NOW)
    return made


def totals(warehouse: Warehouse) -> dict[tuple[str, date], int]:
    """Return the visitors of each (site, day), as stored."""
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
    with TemporaryDirectory() as folder:
        made = Warehouse(Path(folder) / "warehouse")
        made.open(EVENTS).append(frame([*chain(*events)]))
        build.build(made, rules, NOW)
        found = {table: made.view(table).read() for table in (SESSIONS, DAILY_STATS)}

    sessions = [reference.sessions(day, CURRENCIES, ZONES) for day in events]
    assert keyed(rows(found[SESSIONS])) == keyed([*chain(*sessions)])
    for date_there, day in zip(DAYS, events, strict=True):
        stats = found[DAILY_STATS].filter(day=date_there)
        expected = reference.daily_stats(day, CURRENCIES, ZONES, 2)
        assert figures_of(stats) == {
            key: {name: row[name] for name in MEASURES} for key, row in expected.items()
        }


def test_a_second_build_does_nothing(warehouse: Warehouse) -> None:
    before = [info.version for info in table_infos(warehouse)]

    assert build.build(warehouse, RULES, NOW) == build.BuildResult()
    assert [info.version for info in table_infos(warehouse)] == before


def test_a_late_event_reopens_its_site_and_day_only(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(views("shop", MONDAY, range(10, 13)))
    built = build.build(warehouse, RULES, NOW)

    assert (built.days, built.events) == (1, 13)
    assert totals(warehouse) == {
        ("shop", MONDAY): 13,
        ("shop", TUESDAY): 10,
        ("blog", MONDAY): 10,
        ("blog", TUESDAY): 10,
    }


def test_a_build_of_some_days_leaves_the_others_to_the_next(
    warehouse: Warehouse,
) -> None:
    events = warehouse.open(EVENTS)
    events.append(views("shop", MONDAY, range(10, 11)))
    events.append(views("shop", TUESDAY, range(10, 11)))
    build.build(warehouse, RULES, NOW, since=TUESDAY)

    assert totals(warehouse)["shop", MONDAY] == 10
    assert totals(warehouse)["shop", TUESDAY] == 11

    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["shop", MONDAY] == 11


def test_compaction_leaves_nothing_to_build(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(views("shop", MONDAY, range(10, 11)))
    build.build(warehouse, RULES, NOW)
    merged = compact_all(warehouse, NOW)

    assert merged == 2
    assert build.build(warehouse, RULES, NOW).days == 0


def test_a_full_rebuild_finds_nothing_to_change(warehouse: Warehouse) -> None:
    before = [warehouse.view(table).read() for table in (SESSIONS, DAILY_STATS)]
    built = build.build(warehouse, RULES, NOW, full=True)
    after = [warehouse.view(table).read() for table in (SESSIONS, DAILY_STATS)]

    assert built.days == 2
    for old, new in zip(before, after, strict=True):
        assert old.sort(pl.all()).equals(new.sort(pl.all()))


def test_figures_changed_by_hand_are_named(warehouse: Warehouse) -> None:
    assert rebuild_check.rebuild_differences(warehouse, RULES) == []

    stats = warehouse.open(DAILY_STATS)
    rows = stats.read([MONDAY])
    is_shop = pl.col("site") == "shop"
    more = pl.when(is_shop).then(pl.col("visitors") + 1).otherwise("visitors")
    stats.replace_days([MONDAY], [rows.with_columns(visitors=more)], now_s=NOW)

    assert rebuild_check.rebuild_differences(warehouse, RULES) == [
        rebuild_check.DayDifference("daily_stats", "shop", MONDAY)
    ]


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
        pl.concat([views("shop", day, range(10, 20)) for day in days])
    )
    before = [info.version for info in table_infos(warehouse)]
    in_the_way = warehouse.root / table.name / f"day={day}"
    in_the_way.rename(in_the_way.with_name("elsewhere"))
    in_the_way.touch()

    with pytest.raises(StorageError):
        build.build(warehouse, RULES, NOW, full=True)

    assert [info.version for info in table_infos(warehouse)] == before


def test_a_site_no_longer_configured_is_still_built(warehouse: Warehouse) -> None:
    warehouse.open(EVENTS).append(views("gone", MONDAY, range(3)))
    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["gone", MONDAY] == 3


def test_retention_removes_days_with_their_bytes_and_says_so(
    warehouse: Warehouse,
) -> None:
    files = [
        warehouse.root / "events" / f.path
        for f in warehouse.view(EVENTS).files([MONDAY])
    ]
    removed = retain(
        warehouse, WarehouseSettings(keep_events_days=1), date(2026, 11, 18), NOW
    )

    assert [(each.table, each.days, each.rows) for each in removed] == [
        ("events", (MONDAY,), 20)
    ]
    assert warehouse.view(EVENTS).days() == [TUESDAY]
    assert [file for file in files if file.exists()] == []
    entries = warehouse.view(LEDGER).read()
    assert entries["kind"].to_list() == ["retention"]
    assert ledger.verify(entries) == []


def test_figures_outlive_the_events_they_came_from(warehouse: Warehouse) -> None:
    keep = WarehouseSettings(keep_events_days=1)
    retain(warehouse, keep, date(2026, 11, 18), NOW)
    build.build(warehouse, RULES, NOW)
    build.build(warehouse, RULES, NOW, full=True)

    assert totals(warehouse)["shop", MONDAY] == 10
    assert rebuild_check.rebuild_differences(warehouse, RULES) == []


@pytest.mark.parametrize("more", [0, 1, 2], ids=["fewer", "as many", "more commits"])
def test_events_restored_from_a_backup_are_built_anew(
    warehouse: Warehouse, tmp_path: Path, more: int
) -> None:
    events = warehouse.root / EVENTS.name
    shutil.copytree(events, tmp_path / "backup")
    warehouse.open(EVENTS).append(views("shop", MONDAY, range(10, 15), "/lost"))
    build.build(warehouse, RULES, NOW)
    shutil.rmtree(events)
    (tmp_path / "backup").rename(events)
    for number in range(more):
        new = views("shop", MONDAY, range(20 + number, 21 + number), "/new")
        warehouse.open(EVENTS).append(new)
    build.build(warehouse, RULES, NOW)

    assert totals(warehouse)["shop", MONDAY] == 10 + more
    assert rebuild_check.rebuild_differences(warehouse, RULES) == []


@pytest.mark.parametrize("table", [SESSIONS, DAILY_STATS], ids=lambda table: table.name)
def test_a_derived_table_that_was_moved_away_is_built_anew(
    warehouse: Warehouse, table: Table
) -> None:
    shutil.rmtree(warehouse.root / table.name)
    build.build(warehouse, RULES, NOW)

    assert rebuild_check.rebuild_differences(warehouse, RULES) == []
    assert warehouse.view(table).rows() > 0


def written(root: Path, parts: list[pl.DataFrame]) -> dict[str, list[tuple[str, str]]]:
    """Return the day and digest of each file a build of *parts* writes, by table."""
    made = Warehouse(root)
    for part in parts:
        made.open(EVENTS).append(part)
    rules = build.Rules(currencies=CURRENCIES, zones=ZONES, value_limit=3)
    build.build(made, rules, NOW)
    return {
        table.name: sorted(
            (str(file.day), content_digest(root / table.name / file.path))
            for file in made.view(table).files()
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
        whole = written(Path(folder) / "whole", [frame(events)])
        scattered = written(Path(folder) / "scattered", parts)

    assert scattered == whole
