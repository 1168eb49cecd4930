"""The answer to a query: typed rows, their totals, and facts about them.

The terminal, the page, the files and the API all show this value.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from reports.caveats import Caveat, CaveatKind
from reports.query import Query

Figure = int | float | None


class SourceTables(StrEnum):
    """Which tables an answer was read from."""

    DAILY_STATS = "daily_stats"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The state of the tables an answer was read from."""

    version: int
    at_s: int

    def at(self) -> str:
        """Return the time of that state in UTC, as ISO 8601."""
        return self._time().strftime("%Y-%m-%dT%H:%M:%SZ")

    def text(self) -> str:
        """Return the time of that state in UTC, to the minute, for people."""
        return self._time().strftime("%Y-%m-%d %H:%M UTC")

    def _time(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The figures for one value of each dimension, in the order of the query."""

    dimensions: tuple[str, ...]
    metrics: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The full result of a query."""

    query: Query
    rows: tuple[ResultRow, ...]
    row_count: int
    source: SourceTables
    totals: tuple[Figure, ...] | None = None
    as_of: AsOf | None = None
    other_currencies: tuple[str, ...] = ()
    missing_days: int = 0
    caveats: tuple[Caveat, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is currently wrong behind the figures."""
        return tuple(
            caveat.text for caveat in self.caveats if caveat.kind is CaveatKind.WARNING
        )

    def json(self) -> dict[str, object]:
        """Return the JSON value that the API and the command line give."""
        results = [
            {"dimensions": list(row.dimensions), "metrics": list(row.metrics)}
            for row in self.rows
        ]
        return {"results": results, "meta": self.meta()}

    def meta(self) -> dict[str, object]:
        """Return the facts about the rows as plain JSON values."""
        query = self.query
        names = [metric.name for metric in query.metrics]
        period = [query.period.first.isoformat(), query.period.last.isoformat()]
        meta: dict[str, object] = {
            "site": query.site.id,
            "date_range": period,
            "timezone": query.site.timezone,
            "currency": query.site.currency,
            "metrics": names,
            "dimensions": [dimension.name for dimension in query.dimensions],
            "rows": self.row_count,
            "truncated": self.row_count > len(self.rows),
            "source": self.source.value,
            "as_of": self.as_of.at() if self.as_of else None,
            "version": self.as_of.version if self.as_of else None,
        }
        if "visitors" in names and query.period.days > 1:
            meta["visitors"] = "sum of daily visitors"
        if self.other_currencies:
            meta["other_currencies"] = list(self.other_currencies)
        if self.missing_days:
            meta["missing_days"] = self.missing_days
        if self.warnings:
            meta["warnings"] = list(self.warnings)
        if self.caveats:
            meta["caveats"] = [caveat.json() for caveat in self.caveats]
        if self.totals is not None:
            meta["totals"] = list(self.totals)
        return meta
