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


def test_a_month_that_is_over_comes_added_up(tmp_path: Path) -> None:
    days = [date(2026, month, number) for month in (9, 10, 11) for number in (1, 2, 9)]
    rows = [
        event(day=day, visitor=visitor, path=f"/{visitor % 3}")
        for day in days
        for visitor in range(1, 6)
    ]
    cache = _cache(store(tmp_path, rows))
    wanted = days[1:]

    got = cache.read("shop", "page", wanted, by_month=True)
    by_day = cache.read("shop", "page", wanted)

    # September is not wanted whole and November is not over.
    assert sorted(set(got["day"])) == [*days[1:4], *days[6:]]
    assert got.height == by_day.height - 6
    names = ["value", "visitors", "pageviews", "sessions", "duration_s"]
    sums = [
        frame.select(names).group_by("value").sum().sort("value")
        for frame in (got, by_day)
    ]
    assert sums[0].equals(sums[1])


def test_a_day_rebuilt_late_changes_its_month(tmp_path: Path) -> None:
    days = [date(2026, month, number) for month in (9, 10) for number in (1, 2)]
    warehouse = store(tmp_path, [event(day=day) for day in days])
    cache = _cache(warehouse)
    before = cache.read("shop", "total", days, by_month=True)["visitors"].sum()
    stats = built([event(day=days[0], visitor=n) for n in range(1, 11)])[1]
    warehouse.open(DAILY_STATS).replace_days(days[:1], [stats], now_s=0)
    cache.refresh()

    after = cache.read("shop", "total", days, by_month=True)["visitors"].sum()

    assert (before, after) == (4, 13)


def test_days_the_table_lacks_have_no_rows(warehouse: Warehouse) -> None:
    cache = _cache(warehouse)

    got = cache.read("shop", "total", [date(2020, 1, 1)])

    assert got.is_empty()
    assert "visitors" in got.columns
    assert cache.read("nosuch", "total", _DAYS).is_empty()
