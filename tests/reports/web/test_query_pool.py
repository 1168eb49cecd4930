"""The pool bounds how many questions run and wait, and for how long."""

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
    both = threading.Barrier(THREADS)

    def who(tables: Statistics, _tick: Tick) -> int:
        both.wait(timeout=10)
        return id(tables)

    got = await asyncio.gather(*(pool.run(who) for _ in range(THREADS)))
    pool.close()

    assert len(set(got)) == THREADS


async def test_past_the_bound_a_question_is_refused_at_once(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    free = threading.Event()
    waiting = [
        asyncio.create_task(pool.run(lambda _t, _k: free.wait(10))) for _ in range(32)
    ]
    await asyncio.sleep(0)

    with pytest.raises(BusyError):
        await pool.run(lambda _t, _k: True)

    free.set()
    assert await asyncio.gather(*waiting) == [True] * 32
    assert await pool.run(lambda _t, _k: 1) == 1
    pool.close()


async def test_a_question_past_its_time_is_stopped(tmp_path: Path) -> None:
    pool = _pool(tmp_path, time_limit_s=0.05)

    def long(_tables: Statistics, tick: Tick) -> None:
        for _ in range(20_000_000):
            tick()

    with pytest.raises(TooSlowError, match=r"longer than 0\.05 seconds"):
        await pool.run(long)
    pool.close()


async def test_a_caller_who_leaves_frees_the_place(tmp_path: Path) -> None:
    pool = _pool(tmp_path)
    free = threading.Event()
    tasks = [
        asyncio.create_task(pool.run(lambda _t, _k: free.wait(10))) for _ in range(32)
    ]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    free.set()

    assert await pool.run(lambda _t, _k: 1) == 1
    pool.close()
