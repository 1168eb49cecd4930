"""The check compares the stored figures with those that the events give now."""

from pathlib import Path

import polars as pl
import pytest

from tests.warehouse.two_sites import MONDAY, NOW, RULES, build_two_sites
from warehouse import rebuild_check
from warehouse.schema import DAILY_STATS
from warehouse.tables import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return a built warehouse with two sites, two days and ten visitors each."""
    return build_two_sites(tmp_path / "warehouse")


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
