"""Runs the private server in this process, until a signal."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from config.settings import Settings
from reports.clock import build_local_now, now_s
from reports.counting.queries import Statistics
from reports.counting.stats_cache import StatsCache
from reports.query import LocalNow
from reports.web.app import build_app, warm_cache
from reports.web.query_pool import QueryPool
from reports.web.server import listening
from warehouse.caveats import caveats
from warehouse.clock.believed_clock import Clocks
from warehouse.tables import Warehouse

_MIB: Final = 1024 * 1024


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    asyncio.run(_serve(settings, build_local_now(now_s)))


async def _serve(settings: Settings, local_now: LocalNow) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = build_app(settings, _pool(settings), local_now)
    app.cleanup_ctx.append(warm_cache)
    async with listening(app, settings.reports):
        await stop.wait()


def _pool(settings: Settings) -> QueryPool:
    warehouse = Warehouse(Path(settings.warehouse.uri))
    clocks = Clocks.of_machine(now_s)
    cache = StatsCache(settings.reports.cache_mb * _MIB)
    return QueryPool(
        lambda: Statistics(warehouse, cache, lambda: caveats(settings, clocks)),
        time_limit_s=settings.reports.query_timeout_s,
    )
