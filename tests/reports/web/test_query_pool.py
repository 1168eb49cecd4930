"""The pool limits how many queries run and wait, and how long a query runs."""

import asyncio
import threading
from pathlib import Path

import pytest

from reports.counting.queries import Statistics
from reports.deadline import Tick, TooSlowError
from reports.web.query_pool import THREADS, BusyError, QueryPool
from warehouse.tables import Warehouse


def _pool(root: Path, time_limit_s: float = 30) -> QueryPool:
    return QueryPool(lambda: Statistics(Warehouse(root)), time_limit_s=time_limit_s)


async def test_no_two_threads_share_a_reader(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    barrier = threading.Barrier(THREADS)

    def table_id(tables: Statistics, _tick: Tick) -> int:
        barrier.wait(timeout=10)
        return id(tables)

    got = await asyncio.gather(*(pool.run(table_id) for _ in range(THREADS)))
    pool.close()

    assert len(set(got)) == THREADS


async def test_a_query_over_the_limit_is_refused_at_once(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    release = threading.Event()
    waiting = [
        asyncio.create_task(pool.run(lambda _t, _k: release.wait(10)))
        for _ in range(32)
    ]
    await asyncio.sleep(0)

    with pytest.raises(BusyError):
        await pool.run(lambda _t, _k: True)

    release.set()
    assert await asyncio.gather(*waiting) == [True] * 32
    assert await pool.run(lambda _t, _k: 1) == 1
    pool.close()


async def test_a_query_over_its_time_limit_is_stopped(tmp_path: Path) -> None:
    pool = _pool(tmp_path, time_limit_s=0.05)

    def long(_tables: Statistics, tick: Tick) -> None:
        for _ in range(20_000_000):
            tick()

    with pytest.raises(TooSlowError, match=r"longer than 0\.05 seconds"):
        await pool.run(long)
    pool.close()


async def test_a_cancelled_query_frees_its_place(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    release = threading.Event()
    tasks = [
        asyncio.create_task(pool.run(lambda _t, _k: release.wait(10)))
        for _ in range(32)
    ]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    release.set()

    assert await pool.run(lambda _t, _k: 1) == 1
    pool.close()
