"""What is kept at hand is bounded, never stale, and gone with its file."""

from datetime import date
from pathlib import Path

import pytest

from reports.stats_cache import StatsCache
from tests.reports.stored import sample, store
from tests.warehouse.day import built, event
from warehouse.schema import DAILY_STATS
from warehouse.tables import Warehouse

_DAYS = [date(2026, 11, number) for number in range(9, 23)]
_PLENTY = 1 << 30


def _cache(warehouse: Warehouse, max_bytes: int = _PLENTY) -> StatsCache:
    cache = StatsCache(warehouse.view(DAILY_STATS), max_bytes)
    cache.refresh()
    return cache


def _visitors(cache: StatsCache, days: list[date], dimension: str = "total") -> int:
    return int(cache.read("shop", dimension, days)["visitors"].sum())


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return store(tmp_path, sample())


def test_what_is_kept_answers_as_the_table_does(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)
    stored = warehouse.view(DAILY_STATS).read(_DAYS)

    for dimension in ("total", "page", "page"):
        got = cache.read("shop", dimension, _DAYS).sort("day", "value")
        expected = stored.filter(site="shop", dimension=dimension)

        assert got.equals(expected.select(got.columns).sort("day", "value"))


def test_a_read_day_is_not_read_again(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)
    before = _visitors(cache, _DAYS)
    for file in (warehouse.root / "daily_stats").rglob("*.parquet"):
        file.unlink()

    after = _visitors(cache, _DAYS)

    assert before == after == 68


def test_a_rebuilt_day_is_read_anew(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)
    before = _visitors(cache, _DAYS)
    stats = built([event(day=_DAYS[0], visitor=n) for n in range(1, 11)])[1]
    warehouse.open(DAILY_STATS).replace_days(_DAYS[:1], [stats], now_s=0)
    cache.refresh()

    after = _visitors(cache, _DAYS)

    assert after == before - 3 + 10


def test_an_erased_day_is_forgotten(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)
    _visitors(cache, _DAYS)
    kept = cache.size_bytes
    warehouse.open(DAILY_STATS).delete_days(_DAYS[:7], now_s=0)
    cache.refresh()

    assert cache.size_bytes == pytest.approx(kept / 2, rel=0.2)
    assert _visitors(cache, _DAYS) == 36


def test_what_is_kept_stays_within_its_bound(warehouse: Warehouse) -> None:
    bound = 20_000
    cache = _cache(warehouse, bound)

    for days in (_DAYS[10:], _DAYS, _DAYS[:3], _DAYS):
        for dimension in ("total", "source", "country", "total"):
            assert _visitors(cache, days, dimension) >= 12
            assert cache.size_bytes <= bound


def test_days_the_table_lacks_have_no_rows(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)

    got = cache.read("shop", "total", [date(2020, 1, 1)])

    assert got.is_empty()
    assert "visitors" in got.columns
    assert cache.read("nosuch", "total", _DAYS).is_empty()
