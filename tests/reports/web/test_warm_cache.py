"""The server reads past months into the cache before a query needs them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

import pytest

from reports.counting.queries import Statistics
from reports.counting.stats_cache import StatsCache
from reports.web.query_pool import THREADS, QueryPool, keep_cache_warm
from tests.reports.sample_tables import store
from tests.warehouse.day_frames import event
from warehouse.schema import DAILY_STATS
from warehouse.tables import Warehouse

_DAYS = [date(2026, month, 1) for month in (9, 10, 11)]


@asynccontextmanager
async def _warming(root: Path, cache: StatsCache) -> AsyncIterator[None]:
    pool = QueryPool(lambda: Statistics(Warehouse(root), cache), time_limit_s=30)
    task = asyncio.create_task(keep_cache_warm(pool, ["shop"], every_s=0.01))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        pool.close()


async def _until_warm(root: Path, cache: StatsCache, days: list[date]) -> None:
    """Return once the countries of *days* are cached."""
    files = Warehouse(root).view(DAILY_STATS).files(days)
    await _until(
        lambda: all(cache.has(((file.path,), "shop", "country")) for file in files)
    )


async def _until(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds; the timeout of the test limits the wait."""
    while not condition():  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.005)


async def test_past_months_are_cached_without_a_query(tmp_path: Path) -> None:
    store(tmp_path, [event(day=day) for day in _DAYS])
    cache = StatsCache(1 << 30)

    async with _warming(tmp_path, cache):
        await _until_warm(tmp_path, cache, _DAYS[:2])

    newest = Warehouse(tmp_path).view(DAILY_STATS).files(_DAYS[2:])[0]
    assert not cache.has(((newest.path,), "shop", "country"))


async def test_an_unreadable_month_is_logged_and_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = store(tmp_path, [event(day=day) for day in _DAYS])
    [file] = warehouse.view(DAILY_STATS).files(_DAYS[:1])
    path = warehouse.root / "daily_stats" / file.path
    moved = path.rename(tmp_path / "held")
    cache = StatsCache(1 << 30)

    async with _warming(tmp_path, cache):
        # More failures than readers, so that each reader tries again.
        await _until(lambda: caplog.text.count("prepare_failed") > 2 * THREADS)
        moved.rename(path)
        await _until_warm(tmp_path, cache, _DAYS[:1])

    assert file.path in caplog.text
