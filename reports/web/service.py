"""What the private server serves: answers to bodies, pages for links; no HTTP.

A question means the same here and on the command line: both go through
``parse_query`` and ``overview``.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from config.settings import Settings
from reports.counting.queries import Statistics
from reports.deadline import Tick
from reports.dimensions import DIMENSIONS
from reports.empty_state import explain_empty
from reports.overview import build_overview
from reports.query import Query, Today, parse_query
from reports.web.dashboard import Dashboard, PageRequest
from reports.web.query_pool import QueryPool

_DEFAULT_PERIOD: Final = "30d"
_ROWS: Final = 10
_TABLES: Final = ("page", "source", "country")
_METRICS: Final = ("visitors", "pageviews")


class Service:
    """Answers for the sites of *settings*; *today* tells a site's own date."""

    def __init__(self, settings: Settings, pool: QueryPool, today: Today) -> None:
        self._sites = {site.id: site for site in settings.sites}
        self._pool = pool
        self._today = today
        self._dashboard = Dashboard()

    async def ask(self, raw: object) -> dict[str, object]:
        """Return the answer to a question's body."""
        query = parse_query(raw, self._sites, self._today)
        answer = await self._pool.ask(lambda tables, tick: tables.answer(query, tick))
        return answer.json()

    async def show(self, parameters: Mapping[str, str]) -> str:
        """Return the page of the site and period that *parameters* name."""
        period = parameters.get("period", _DEFAULT_PERIOD)
        raw = {
            "site": parameters.get("site", next(iter(self._sites), "")),
            "metrics": list(_METRICS),
            "date_range": period,
            "limit": _ROWS,
        }
        query = parse_query(raw, self._sites, self._today)
        today = self._today(query.site)
        return await self._pool.ask(
            lambda tables, tick: self._page(tables, tick, query, period, today)
        )

    def _page(
        self, tables: Statistics, tick: Tick, query: Query, period: str, today: date
    ) -> str:
        by = [(DIMENSIONS[name],) for name in _TABLES]
        seen = build_overview(lambda each: tables.answer(each, tick), query, by, today)
        request = PageRequest(
            overview=seen,
            advice=explain_empty(seen, tables.state(query.site)) if seen.empty else (),
            period=period,
            sites=tuple(self._sites.values()),
            warnings=tables.warnings(),
        )
        return self._dashboard.render(request)
