"""Stored rows of a former site get the present name, whatever tables they are in."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.warehouse.event_rows import DAY, event, frame
from tests.warehouse.killed import killed_at
from warehouse import build
from warehouse.dtypes import polars_schema
from warehouse.lifecycle import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS, Drop, Hash64
from warehouse.sites import rename as renaming
from warehouse.sites.rename import rename_sites
from warehouse.sites.renamed import is_renamed, note_renamed
from warehouse.stored_table import StoredTable
from warehouse.tables import Warehouse

NOW_S = 1_795_400_000.0
RENAMES = {"old": "new"}
OLDER = DAY - timedelta(days=1)
RULES = build.Rules(currencies={}, zones={}, value_limit=100)
TABLES = (EVENTS, SESSIONS, DAILY_STATS, DROPS)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return built tables; the older day has no events any more."""
    warehouse = Warehouse(tmp_path / "warehouse")
    rows = [
        event(site=site, day=day, visitor=Hash64(number), event_id=Hash64(number))
        for day in (OLDER, DAY)
        for number, site in enumerate(["old", "old", "new", "blog"])
    ]
    warehouse.open(EVENTS).append(frame(rows))
    build.build(warehouse, RULES, NOW_S)
    warehouse.open(EVENTS).delete_days([OLDER], now_s=NOW_S)
    warehouse.open(DROPS).append(drops(("old", 3), ("new", 4), ("blog", 5)))
    return warehouse


def drops(*counts: tuple[str, int]) -> pl.DataFrame:
    rows = [
        Drop(site=site, day=DAY, hour=1, reason="bot", protocol="native", count=count)
        for site, count in counts
    ]
    names = polars_schema(DROPS).names()
    values = [tuple(getattr(row, name) for name in names) for row in rows]
    return pl.DataFrame(values, schema=polars_schema(DROPS), orient="row")


def sites(warehouse: Warehouse) -> set[str]:
    return {site for table in TABLES for site in warehouse.view(table).read()["site"]}


def totals(warehouse: Warehouse, *, site: str) -> list[tuple[object, ...]]:
    """Return (day, sessions, pageviews) of *site*, oldest first."""
    rows = warehouse.view(DAILY_STATS).read()
    own = rows.filter(pl.col("site") == site, pl.col("dimension") == "total")
    return own.select("day", "sessions", "pageviews").sort("day").rows()


def recorded(warehouse: Warehouse) -> list[tuple[str, str]]:
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    return [
        (each.subject, each.detail) for each in entries if each.kind == "site_renamed"
    ]


def check_renamed(warehouse: Warehouse) -> None:
    build.build(warehouse, RULES, NOW_S)
    assert sites(warehouse) == {"new", "blog"}
    assert totals(warehouse, site="new") == [(OLDER, 3, 3), (DAY, 3, 3)]
    assert totals(warehouse, site="blog") == [(OLDER, 1, 1), (DAY, 1, 1)]
    assert recorded(warehouse) == [("new", '{"from":"old"}')]
    counts = warehouse.view(DROPS).read().select("site", "count").sort("site").rows()
    assert counts == [("blog", 5), ("new", 7)]
    keys = warehouse.view(DAILY_STATS).read().select(DAILY_STATS.key)
    assert not keys.is_duplicated().any()


def test_every_table_gets_the_present_name(warehouse: Warehouse) -> None:
    rename_sites(warehouse, RENAMES, NOW_S)

    check_renamed(warehouse)


def test_a_finished_rename_reads_no_table(warehouse: Warehouse) -> None:
    rename_sites(warehouse, RENAMES, NOW_S)
    versions = [warehouse.view(table).version for table in TABLES]
    for table in TABLES:
        (warehouse.root / table.name).rename(warehouse.root / f"{table.name}-away")

    rename_sites(warehouse, RENAMES, NOW_S)

    assert min(versions) >= 0


@pytest.mark.parametrize(
    ("where", "name", "nth"),
    [
        (StoredTable, "replace_days", 1),
        (StoredTable, "replace_days", 2),
        (StoredTable, "replace_days", 4),
        (ledger, "append", 1),
        (renaming, "note_renamed", 1),
    ],
)
def test_a_killed_rename_is_finished_and_recorded_once(
    warehouse: Warehouse,
    where: object,
    name: str,
    nth: int,
) -> None:
    with killed_at(where, name, nth):
        rename_sites(warehouse, RENAMES, NOW_S)
    rename_sites(warehouse, RENAMES, NOW_S)

    check_renamed(warehouse)


def test_a_site_can_be_renamed_back(warehouse: Warehouse) -> None:
    for renames in ({"blog": "news"}, {"news": "blog"}, {"blog": "news"}):
        rename_sites(warehouse, renames, NOW_S)
        build.build(warehouse, RULES, NOW_S)

    assert sites(warehouse) == {"old", "new", "news"}
    assert [subject for subject, _ in recorded(warehouse)] == ["news", "blog", "news"]


@pytest.mark.parametrize(
    ("noted", "asked", "expected"),
    [
        ([], {}, True),
        ([], RENAMES, False),
        ([RENAMES], RENAMES, True),
        ([RENAMES], {}, False),
        ([RENAMES, {}], RENAMES, False),
        ([RENAMES], {"old": "new", "older": "new"}, False),
    ],
)
def test_the_record_counts_for_exactly_its_names(
    tmp_path: Path,
    noted: Sequence[dict[str, str]],
    asked: dict[str, str],
    *,
    expected: bool,
) -> None:
    for renames in noted:
        note_renamed(tmp_path, renames)

    assert is_renamed(tmp_path, asked) is expected


def test_a_damaged_record_only_repeats_the_rename(warehouse: Warehouse) -> None:
    rename_sites(warehouse, RENAMES, NOW_S)
    (warehouse.root / "renamed-sites.json").write_bytes(b"x")

    rename_sites(warehouse, RENAMES, NOW_S)

    check_renamed(warehouse)
