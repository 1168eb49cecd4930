"""The stats cache is bounded, never out of date, and forgets removed files."""

from datetime import date
from pathlib import Path

import pytest

from reports.counting.stats_cache import StatsCache
from reports.counting.stats_reader import StatsReader
from tests.reports.sample_tables import sample, store
from tests.warehouse.day_frames import build_day, event
from warehouse.schema import DAILY_STATS
from warehouse.tables import Warehouse

_DAYS = [date(2026, 11, number) for number in range(9, 23)]
_PLENTY = 1 << 30


def _reader(warehouse: Warehouse, cache: StatsCache | None = None) -> StatsReader:
    reader = StatsReader(warehouse.view(DAILY_STATS), cache or StatsCache(_PLENTY))
    reader.refresh()
    return reader


def _visitors(reader: StatsReader, days: list[date], dimension: str = "total") -> int:
    return int(reader.read("shop", dimension, days)["visitors"].sum())


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return store(tmp_path, sample())


def test_cached_stats_equal_the_table(warehouse: Warehouse) -> None:
    reader = _reader(warehouse)
    stored = warehouse.view(DAILY_STATS).read(_DAYS)

    for dimension in ("total", "page", "page"):
        got = reader.read("shop", dimension, _DAYS).sort("day", "value")
        expected = stored.filter(site="shop", dimension=dimension)

        assert got.equals(expected.select(got.columns).sort("day", "value"))


def test_a_cached_day_is_not_read_again(warehouse: Warehouse) -> None:
    reader = _reader(warehouse)
    before = _visitors(reader, _DAYS)
    for file in (warehouse.root / "daily_stats").rglob("*.parquet"):
        file.unlink()

    after = _visitors(reader, _DAYS)

    assert before == after == 68


def test_a_rebuilt_day_is_read_again(warehouse: Warehouse) -> None:
    reader = _reader(warehouse)
    before = _visitors(reader, _DAYS)
    stats = build_day([event(day=_DAYS[0], visitor=n) for n in range(1, 11)])[1]
    warehouse.open(DAILY_STATS).replace_days(_DAYS[:1], [stats], now_s=0)
    reader.refresh()

    after = _visitors(reader, _DAYS)

    assert after == before - 3 + 10


def test_a_deleted_day_is_removed_from_the_cache(warehouse: Warehouse) -> None:
    cache = StatsCache(_PLENTY)
    reader = _reader(warehouse, cache)
    _visitors(reader, _DAYS)
    before = cache.size_bytes
    warehouse.open(DAILY_STATS).delete_days(_DAYS[:7], now_s=0)
    reader.refresh()

    assert cache.size_bytes == pytest.approx(before / 2, rel=0.2)
    assert _visitors(reader, _DAYS) == 36


def test_the_cache_stays_within_its_limit(warehouse: Warehouse) -> None:
    limit_bytes = 20_000
    cache = StatsCache(limit_bytes)
    reader = _reader(warehouse, cache)

    for days in (_DAYS[10:], _DAYS, _DAYS[:3], _DAYS):
        for dimension in ("total", "source", "country", "total"):
            assert _visitors(reader, days, dimension) >= 12
            assert cache.size_bytes <= limit_bytes


def test_the_days_of_a_past_month_are_summed(tmp_path: Path) -> None:
    days = [date(2026, month, number) for month in (9, 10, 11) for number in (1, 2, 9)]
    rows = [
        event(day=day, visitor=visitor, path=f"/{visitor % 3}")
        for day in days
        for visitor in range(1, 6)
    ]
    reader = _reader(store(tmp_path, rows))
    requested = days[1:]

    got = reader.read("shop", "page", requested, by_month=True)
    by_day = reader.read("shop", "page", requested)

    # Not all days of September are requested, and November is not over.
    assert sorted(set(got["day"])) == [*days[1:4], *days[6:]]
    assert got.height == by_day.height - 6
    names = ["value", "visitors", "pageviews", "sessions", "duration_s"]
    sums = [
        frame.select(names).group_by("value").sum().sort("value")
        for frame in (got, by_day)
    ]
    assert sums[0].equals(sums[1])


def test_a_rebuilt_day_changes_the_sum_of_its_month(tmp_path: Path) -> None:
    days = [date(2026, month, number) for month in (9, 10) for number in (1, 2)]
    warehouse = store(tmp_path, [event(day=day) for day in days])
    reader = _reader(warehouse)
    before = reader.read("shop", "total", days, by_month=True)["visitors"].sum()
    stats = build_day([event(day=days[0], visitor=n) for n in range(1, 11)])[1]
    warehouse.open(DAILY_STATS).replace_days(days[:1], [stats], now_s=0)
    reader.refresh()

    after = reader.read("shop", "total", days, by_month=True)["visitors"].sum()

    assert (before, after) == (4, 13)


def test_missing_days_have_no_rows(warehouse: Warehouse) -> None:
    reader = _reader(warehouse)

    got = reader.read("shop", "total", [date(2020, 1, 1)])

    assert got.is_empty()
    assert "visitors" in got.columns
    assert reader.read("nosuch", "total", _DAYS).is_empty()


_AUTUMN = [date(2026, month, number) for month in (9, 10, 11) for number in (1, 2, 3)]


@pytest.fixture
def autumn(tmp_path: Path) -> Warehouse:
    return store(
        tmp_path,
        [
            event(day=day, visitor=visitor, path=f"/{visitor % 3}", country=country)
            for day in _AUTUMN
            for visitor, country in enumerate(("DE", "FR", None))
        ],
    )


def _remove_files(warehouse: Warehouse, days: list[date]) -> None:
    """Remove the files of *days*, so that a reader cannot open them."""
    for day in days:
        for file in (warehouse.root / "daily_stats" / f"day={day}").iterdir():
            file.unlink()


def test_prepared_months_give_the_same_figures(autumn: Warehouse) -> None:
    unprepared, prepared = _reader(autumn), _reader(autumn)

    while prepared.prepare(["shop", "blog"]):
        pass

    for dimension in ("total", "page", "country", "utm_term", "product", "hour"):
        got, expected = (
            reader.read("shop", dimension, _AUTUMN, by_month=True).sort("day", "value")
            for reader in (prepared, unprepared)
        )
        assert got.equals(expected)


def test_a_read_of_prepared_months_opens_no_file(autumn: Warehouse) -> None:
    reader = _reader(autumn)
    past_days = [day for day in _AUTUMN if day.month < 11]

    done = [reader.prepare(["shop"]) for _ in range(3)]
    _remove_files(autumn, past_days)

    assert done == [True, True, False]
    assert _visitors(reader, past_days) == 18
    for dimension in ("page", "os", "utm_content", "product"):
        assert reader.read("shop", dimension, past_days, by_month=True).width > 10


def test_after_a_rebuild_only_the_month_of_the_day_is_prepared_again(
    autumn: Warehouse,
) -> None:
    reader = _reader(autumn)
    while reader.prepare(["shop"]):
        pass
    stats = build_day([event(day=_AUTUMN[0], visitor=n) for n in range(1, 11)])[1]
    autumn.open(DAILY_STATS).replace_days(_AUTUMN[:1], [stats], now_s=0)
    reader.refresh()
    _remove_files(autumn, [day for day in _AUTUMN if day.month == 10])

    done = [reader.prepare(["shop"]) for _ in range(2)]

    assert done == [True, False]
    assert _visitors(reader, _AUTUMN[:3]) == 10 + 3 + 3


def test_no_month_is_prepared_if_the_cache_is_full(autumn: Warehouse) -> None:
    cache = StatsCache(40_000)
    reader = _reader(autumn, cache)

    done = [reader.prepare(["shop"]) for _ in range(3)]

    assert done == [True, False, False]
    assert cache.size_bytes <= 40_000


def test_a_month_too_large_for_the_cache_is_tried_once(autumn: Warehouse) -> None:
    reader = _reader(autumn, StatsCache(100))

    done = [reader.prepare(["shop"]) for _ in range(4)]

    assert done == [True, True, False, False]


def test_an_empty_table_has_no_month_to_prepare(tmp_path: Path) -> None:
    assert not _reader(Warehouse(tmp_path)).prepare(["shop"])


def test_readers_share_the_cached_days(warehouse: Warehouse) -> None:
    cache = StatsCache(_PLENTY)
    one, other = _reader(warehouse, cache), _reader(warehouse, cache)
    before = _visitors(one, _DAYS)
    _remove_files(warehouse, _DAYS)

    assert _visitors(other, _DAYS) == before
