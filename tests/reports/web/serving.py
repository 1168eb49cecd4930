"""A running reports server, and events with values that attackers send."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from config.settings import ReportsSettings, Settings, SiteSettings
from reports.counting.queries import Statistics
from reports.web.app import build_app
from reports.web.query_pool import QueryPool
from reports.web.server import listening
from tests.reports.sample_queries import BLOG, SHOP, local_now, today
from tests.warehouse.day_frames import Row, event
from warehouse.tables import Warehouse

# Each value would run, or break the page, without escaping for its context.
PAYLOADS = (
    "/<script>document.title='run'</script>",
    '/"><img src=x onerror="document.title=\'run\'">',
    "/'-(document.title='run')-'",
    "/</title></svg><svg onload=\"document.title='run'\">",
    "/{{7*7}}{%raw%}",
    "/&lt;b&gt;",
)


def attack_events() -> list[Row]:
    """Return one event per payload, in every column that the page shows."""
    day = today(SHOP)
    return [
        event(day=day, visitor=number, path=text, source=text, country=text)
        for number, text in enumerate(PAYLOADS)
    ]


@asynccontextmanager
async def serving(
    settings: Settings,
    warehouse: Warehouse,
    warnings: Callable[[], tuple[str, ...]] = tuple,
    sites: tuple[SiteSettings, ...] = (SHOP, BLOG),
) -> AsyncIterator[str]:
    """Serve two sites on a free port; yield the URL."""
    settings = replace(settings, sites=sites, reports=ReportsSettings(port=0))
    pool = QueryPool(lambda: Statistics(warehouse, warnings=warnings), time_limit_s=30)
    app = build_app(settings, pool, local_now)
    async with listening(app, settings.reports) as port:
        yield f"http://127.0.0.1:{port}"
