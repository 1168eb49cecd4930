"""The private server as an aiohttp application: keys, routes and background tasks.

It answers requests for this machine and for the configured host. It refuses requests
that the pages of other origins send.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from aiohttp import web

from config.settings import Settings
from reports.query import MAX_BODY_BYTES, LocalNow
from reports.web.handlers import SERVICE, STYLE, read_style, routes
from reports.web.middlewares import HOST, add_headers, check_caller, handle_errors
from reports.web.query_pool import QueryPool, keep_cache_warm
from reports.web.service import Service

_POOL: Final = web.AppKey("pool", QueryPool)
_SITES: Final = web.AppKey("sites", frozenset[str])


def build_app(
    settings: Settings, pool: QueryPool, local_now: LocalNow
) -> web.Application:
    """Return the application, which closes *pool* in its clean-up."""
    app = web.Application(
        middlewares=[handle_errors, check_caller], client_max_size=MAX_BODY_BYTES
    )
    app[HOST] = settings.reports.host
    app[SERVICE] = Service(settings, pool, local_now)
    app[STYLE] = read_style()
    app[_POOL] = pool
    app[_SITES] = frozenset(site.id for site in settings.sites)
    app.add_routes(routes)
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_close_pool)
    return app


async def _close_pool(app: web.Application) -> AsyncIterator[None]:
    yield
    app[_POOL].close()


async def warm_cache(app: web.Application) -> AsyncIterator[None]:
    """Keep the cache warm for all sites while *app* runs (a cleanup context)."""
    sites = app[_SITES]
    task = asyncio.create_task(keep_cache_warm(app[_POOL], sites))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
