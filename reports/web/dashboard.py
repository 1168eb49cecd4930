"""The overview as one HTML page; the only door to Jinja.

No script, no inline style: everything on the page is text that Jinja has escaped,
and shapes made of numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.settings import SiteSettings
from reports.answer import Answer
from reports.formatting import figure_text, head_text, value_text
from reports.overview import Direction, Overview
from reports.web import chart

PERIODS: Final = ("today", "7d", "30d", "12mo")
_CLASSES: Final = {
    Direction.UP: "up",
    Direction.DOWN: "down",
    Direction.SAME: "same",
}
_TITLES: Final = {
    "page": "Pages",
    "source": "Sources",
    "country": "Countries",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What one page shows, and what one can go to from there."""

    overview: Overview
    advice: Sequence[str]
    period: str
    sites: Sequence[SiteSettings]
    warnings: Sequence[str] = ()


class Dashboard:
    """Renders pages from the templates that ship with Millpond."""

    def __init__(self) -> None:
        environment = Environment(
            loader=PackageLoader("reports"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._page = environment.get_template("overview.html")

    def render(self, request: PageRequest) -> str:
        """Return the page."""
        overview = request.overview
        query = overview.query
        return self._page.render(
            site=query.site.id,
            timezone=query.site.timezone,
            first=query.period.first,
            last=query.period.last,
            before=overview.before,
            sites=[_link(site.id, site.id, request.period) for site in request.sites],
            periods=[_link(each, query.site.id, each) for each in PERIODS],
            period=request.period,
            headlines=[_headline(overview, n) for n in range(len(overview.headlines))],
            chart=chart.build_chart(overview.trend),
            width=chart.WIDTH,
            height=chart.HEIGHT,
            tables=[_table(answer) for answer in overview.tables],
            advice=request.advice,
            warnings=request.warnings,
            is_sum=query.period.days > 1,
            as_of=next((a.as_of.at() for a in overview.tables if a.as_of), None),
        )


def _link(name: str, site: str, period: str) -> dict[str, str]:
    return {"name": name, "href": "/?" + urlencode({"site": site, "period": period})}


def _headline(overview: Overview, number: int) -> dict[str, str]:
    headline = overview.headlines[number]
    currency = overview.query.site.currency
    direction, change = headline.change()
    return {
        "label": head_text(headline.metric, currency),
        "figure": figure_text(headline.figure, headline.metric.unit, currency) or "–",  # noqa: RUF001 - the dash of tables
        "direction": _CLASSES[direction],
        "change": change,
    }


def _table(answer: Answer) -> dict[str, Any]:
    query = answer.query
    name = query.dimensions[0].name
    currency = query.site.currency
    most = max((float(row.metrics[0] or 0) for row in answer.rows), default=0.0)
    rows = [
        {
            "value": value_text(name, row.dimensions[0]),
            "figures": [
                figure_text(figure, metric.unit, currency)
                for metric, figure in zip(query.metrics, row.metrics, strict=True)
            ],
            "share": round(100 * (row.metrics[0] or 0) / most, 1) if most else 0,
        }
        for row in answer.rows
    ]
    return {
        "title": _TITLES[name],
        "heads": [head_text(metric, currency) for metric in query.metrics],
        "rows": rows,
        "more": answer.row_count - len(answer.rows),
    }
