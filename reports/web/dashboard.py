"""The overview as one HTML page; the only door to Jinja.

The page has no script and no inline style. Jinja escapes every text on the page, and
the shapes of the chart are made from numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from config.settings import SiteSettings
from reports.answer import Answer
from reports.caveats import CaveatKind
from reports.formatting import figure_text, head_text, value_text
from reports.overview import Direction, Headline, Overview
from reports.web import chart
from warehouse.figures.prop_names import PROP_PREFIX

PERIODS: Final = {
    "today": "Today",
    "7d": "7 days",
    "30d": "30 days",
    "12mo": "12 months",
}
_CLASSES: Final = {
    Direction.UP: "up",
    Direction.DOWN: "down",
    Direction.SAME: "same",
}
_HOSTNAME: Final = "hostname"
_TITLES: Final = {
    "page": "Pages",
    "source": "Sources",
    "country": "Countries",
    "hostname": "Hosts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The content of one page; *explanation* is for an empty overview."""

    overview: Overview
    explanation: Sequence[str]
    period: str
    sites: Sequence[SiteSettings]
    bot_kinds: Sequence[tuple[str, int]] = ()
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
            sites=_site_links(request),
            periods=_period_links(request),
            headlines=[
                _headline(headline, query.site.currency)
                for headline in overview.headlines
            ],
            chart=chart.build_chart(overview.trend),
            width=chart.WIDTH,
            height=chart.HEIGHT,
            tables=[
                *(_table(answer) for answer in overview.tables if _is_shown(answer)),
                *([_bot_table(request.bot_kinds)] if request.bot_kinds else []),
            ],
            explanation=request.explanation,
            warnings=request.warnings,
            before_until=overview.before_until,
            caveats=_caveats(overview),
            as_of=next((table.as_of for table in overview.tables if table.as_of), None),
        )


def _caveats(overview: Overview) -> list[str]:
    """Return the caveats of all figures; warnings have their own place."""
    caveats = dict.fromkeys(
        caveat
        for caveat in (
            *overview.caveats,
            *(caveat for table in overview.tables for caveat in table.caveats),
        )
        if caveat.kind is not CaveatKind.WARNING
    )
    return [caveat.text for caveat in caveats]


def _site_links(request: PageRequest) -> list[dict[str, Any]]:
    current = request.overview.query.site
    return [
        _link(site.id, site.id, request.period, is_current=site.id == current.id)
        for site in request.sites
    ]


def _period_links(request: PageRequest) -> list[dict[str, Any]]:
    site = request.overview.query.site.id
    return [
        _link(name, site, period, is_current=period == request.period)
        for period, name in PERIODS.items()
    ]


def _link(name: str, site: str, period: str, *, is_current: bool) -> dict[str, Any]:
    href = "/?" + urlencode({"site": site, "period": period})
    return {"name": name, "href": href, "is_current": is_current}


def _headline(headline: Headline, currency: str) -> dict[str, str]:
    direction, change = headline.change()
    return {
        "label": head_text(headline.metric, currency),
        "figure": figure_text(headline.figure, headline.metric.unit, currency) or "–",  # noqa: RUF001 - the dash of tables
        "direction": _CLASSES[direction],
        "change": change,
    }


def _is_shown(answer: Answer) -> bool:
    """Return whether a table says something: a single host does not."""
    dimension = answer.query.dimensions[0]
    if dimension.is_prop:
        return bool(answer.rows)
    return dimension.name != _HOSTNAME or len(answer.rows) > 1


def _table(answer: Answer) -> dict[str, Any]:
    query = answer.query
    name = query.dimensions[0].name
    currency = query.site.currency
    highest = max((float(row.metrics[0] or 0) for row in answer.rows), default=0.0)
    rows = [
        {
            "value": value_text(name, row.dimensions[0]),
            "figures": [
                figure_text(figure, metric.unit, currency)
                for metric, figure in zip(query.metrics, row.metrics, strict=True)
            ],
            "share": round(100 * (row.metrics[0] or 0) / highest, 1) if highest else 0,
        }
        for row in answer.rows
    ]
    return {
        "title": _TITLES.get(name, name.removeprefix(PROP_PREFIX)),
        "heads": [head_text(metric, currency) for metric in query.metrics],
        "rows": rows,
        "more": answer.row_count - len(answer.rows),
    }


def _bot_table(counts: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return the table of the bots that are in no other figure, most first."""
    highest = counts[0][1]
    rows = [
        {
            "value": kind,
            "figures": [f"{count:,}"],
            "share": round(100 * count / highest, 1),
        }
        for kind, count in counts
    ]
    return {"title": "Bots (not counted)", "heads": ["Hits"], "rows": rows, "more": 0}
