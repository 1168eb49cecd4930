"""Answers queries and renders pages for the private server, without HTTP.

A query means the same here and on the command line, because both use ``parse_query``
and ``build_overview``.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from config.settings import Settings, SiteSettings
from config.site_names import sites_by_name
from reports.counting.queries import Statistics
from reports.deadline import Tick
from reports.dimensions import dimensions_of
from reports.empty_state import explain_empty
from reports.overview import build_overview
from reports.query import LocalNow, Query, parse_query
from reports.web.dashboard import Dashboard, PageRequest
from reports.web.query_pool import QueryPool
from warehouse.figures.prop_names import prop_dimension

_DEFAULT_PERIOD: Final = "30d"
_ROWS: Final = 10
_TABLES: Final = ("page", "source", "country", "hostname")
# The first properties have a table each; the API and the terminal answer for all.
_MAX_TABLES: Final = 9
_METRICS: Final = ("visitors", "pageviews")


class Service:
    """Answers for the sites of *settings*; *local_now* gives the time of a site."""

    def __init__(
        self, settings: Settings, pool: QueryPool, local_now: LocalNow
    ) -> None:
        self._sites = sites_by_name(settings)
        self._site_list = settings.sites
        self._first = next((site.id for site in settings.sites), "")
        self._pool = pool
        self._local_now = local_now
        self._dashboard = Dashboard()

    async def answer(self, raw: object) -> dict[str, object]:
        """Return the answer to a query's body."""
        query = parse_query(raw, self._sites, self._today)
        answer = await self._pool.run(
            lambda statistics, tick: statistics.answer(query, tick)
        )
        return answer.json()

    async def received(self, parameters: Mapping[str, str]) -> dict[str, object]:
        """Return the received hits of the site and period in *parameters*."""
        query = self._parse(parameters, parameters.get("period", _DEFAULT_PERIOD))
        counts = await self._pool.run(
            lambda statistics, _: statistics.received(query.site, query.period)
        )
        return counts.json()

    async def render_page(self, parameters: Mapping[str, str]) -> str:
        """Return the page of the site and period in *parameters*."""
        period = parameters.get("period", _DEFAULT_PERIOD)
        query = self._parse(parameters, period)
        now = self._local_now(query.site)
        return await self._pool.run(
            lambda statistics, tick: self._render(statistics, tick, query, period, now)
        )

    def _parse(self, parameters: Mapping[str, str], period: str) -> Query:
        raw = {
            "site": parameters.get("site", self._first),
            "metrics": list(_METRICS),
            "date_range": period,
            "limit": _ROWS,
        }
        return parse_query(raw, self._sites, self._today)

    def _today(self, site: SiteSettings) -> date:
        return self._local_now(site).date()

    def _render(
        self,
        statistics: Statistics,
        tick: Tick,
        query: Query,
        period: str,
        now: datetime,
    ) -> str:
        names = [*_TABLES, *map(prop_dimension, query.site.props_allow)]
        known = dimensions_of(query.site)
        breakdowns = [(known[name],) for name in names[:_MAX_TABLES]]
        overview = build_overview(
            lambda part: statistics.answer(part, tick), query, breakdowns, now
        )
        explanation: tuple[str, ...] = ()
        if overview.empty:
            explanation = explain_empty(overview, statistics.state(query.site))
        request = PageRequest(
            overview=overview,
            explanation=explanation,
            period=period,
            sites=self._site_list,
            bot_kinds=statistics.received(query.site, query.period).bot_kinds,
            warnings=statistics.warnings(),
        )
        return self._dashboard.render(request)
