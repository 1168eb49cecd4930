"""The private server, running, over tables full of what attackers send."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from config.settings import ReportsSettings, Settings, SiteSettings
from reports.counting.queries import Statistics
from reports.web.app import build_app
from reports.web.query_pool import QueryPool
from reports.web.server import listening
from tests.reports.questions import BLOG, SHOP, local_now, today
from tests.warehouse.day import Row, event
from warehouse.tables import Warehouse

# Each would run, or break the page, if it were not escaped for where it stands.
PAYLOADS = (
    "/<script>document.title='run'</script>",
    '/"><img src=x onerror="document.title=\'run\'">',
    "/'-(document.title='run')-'",
    "/</title></svg><svg onload=\"document.title='run'\">",
    "/{{7*7}}{%raw%}",
    "/&lt;b&gt;",
)


def nasty_events() -> list[Row]:
    """Return an event for each payload, in every place the page shows."""
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
    """Serve two sites on a free port; yields the address."""
    settings = replace(settings, sites=sites, reports=ReportsSettings(port=0))
    pool = QueryPool(lambda: Statistics(warehouse, warnings=warnings), time_limit_s=30)
    app = build_app(settings, pool, local_now)
    async with listening(app, settings.reports) as port:
        yield f"http://127.0.0.1:{port}"
