"""The JSON body of a query → a checked, typed ``Query``.

The API, ``millpond reports query`` and the reports use this parser, so a query means
the same everywhere. All limits are here or in ``filters``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from config.settings import SiteSettings
from reports.dimensions import DIMENSIONS, Dimension, dimensions_of
from reports.filters import Filter, parse_filters
from reports.metrics import METRICS, Metric
from reports.period import FORMS, Period, PeriodError, parse_period, parse_range
from reports.problems import Problems, QueryError

MAX_BODY_BYTES: Final = 65_536
MAX_LIMIT: Final = 10_000
MAX_DIMENSIONS: Final = 5
DEFAULT_LIMIT: Final = 1_000
DEFAULT_RANGE: Final = "7d"
_MAX_NAMES: Final = 32
_PAIR: Final = 2

# The local date, and the local time, of a site.
LocalNow = Callable[[SiteSettings], datetime]
Today = Callable[[SiteSettings], date]
_Named = TypeVar("_Named", Metric, Dimension)


class SortDirection(StrEnum):
    """The sort direction of an answer."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Sort by one of the query's metrics or dimensions."""

    name: str
    direction: SortDirection


class QueryKey(StrEnum):
    """The keys of a query's body."""

    SITE = "site"
    METRICS = "metrics"
    DATE_RANGE = "date_range"
    DIMENSIONS = "dimensions"
    FILTERS = "filters"
    ORDER_BY = "order_by"
    LIMIT = "limit"
    TOTALS = "totals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A checked query: metrics of one site, over a period, by dimensions."""

    site: SiteSettings
    metrics: tuple[Metric, ...]
    period: Period
    dimensions: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()
    order_by: tuple[OrderBy, ...] = ()
    limit: int = DEFAULT_LIMIT
    totals: bool = False
    # Only events before this time count, which is on the last day of the period.
    until: datetime | None = None


def decode_body(body: bytes) -> object:
    """Return the JSON value of *body*; raise ``QueryError`` if it is not JSON."""
    if len(body) > MAX_BODY_BYTES:
        raise QueryError([("body", f"larger than {MAX_BODY_BYTES:,} bytes")])
    try:
        value: object = msgspec.json.decode(body)
    except RecursionError:
        raise QueryError([("body", "nested too deeply")]) from None
    except (msgspec.MsgspecError, UnicodeError):
        raise QueryError([("body", "must be JSON in UTF-8")]) from None
    return value


def parse_query(raw: object, sites: Mapping[str, SiteSettings], today: Today) -> Query:
    """Return the query in *raw*, or raise ``QueryError`` with all its problems.

    *today* gives the local date of a site; relative periods end on it.
    """
    if not isinstance(raw, dict):
        raise QueryError([("body", "must be a JSON object")])
    problems = Problems()
    body = _BodyParser(raw, problems)
    body.check_keys()
    site = body.parse_site(sites)
    metrics = body.parse_names(QueryKey.METRICS, METRICS)
    period = body.parse_period(site, today)
    known = dimensions_of(site) if site else DIMENSIONS
    dimensions = body.parse_names(QueryKey.DIMENSIONS, known)
    filters = parse_filters(raw.get(QueryKey.FILTERS, []), problems, known)
    names = [metric.name for metric in metrics]
    names += [dimension.name for dimension in dimensions]
    order_by = body.parse_order_by(names)
    limit, totals = body.parse_limit(), body.parse_totals()
    if site is None or period is None or problems.items:
        raise QueryError(problems.items)
    return Query(
        site=site,
        metrics=metrics,
        period=period,
        dimensions=dimensions,
        filters=filters,
        order_by=order_by,
        limit=limit,
        totals=totals,
    )


class _BodyParser:
    """Parses the keys of one body; each key has its own rule."""

    def __init__(self, raw: dict[str, object], problems: Problems) -> None:
        self._raw = raw
        self._problems = problems

    def check_keys(self) -> None:
        for key in self._raw:
            if key not in set(QueryKey):
                self._problems.add_unknown("body", "key", key, QueryKey)

    def parse_site(self, sites: Mapping[str, SiteSettings]) -> SiteSettings | None:
        name = self._raw.get(QueryKey.SITE)
        site = sites.get(name) if isinstance(name, str) else None
        if not sites:
            self._problems.add(
                QueryKey.SITE, "no site is configured; add one under [[sites]]"
            )
        elif site is None:
            self._problems.add_unknown(QueryKey.SITE, "site", name, sites)
        return site

    def parse_period(self, site: SiteSettings | None, today: Today) -> Period | None:
        date_range = self._raw.get(QueryKey.DATE_RANGE, DEFAULT_RANGE)
        try:
            match date_range:
                case [str() as first, str() as last]:
                    return parse_range(first, last)
                case str() as text:
                    return parse_period(text, today(site)) if site else None
        except PeriodError as problem:
            self._problems.add(QueryKey.DATE_RANGE, str(problem))
            return None
        self._problems.add(QueryKey.DATE_RANGE, f"must be [from, to] or one of {FORMS}")
        return None

    def parse_names(
        self, key: QueryKey, known: Mapping[str, _Named]
    ) -> tuple[_Named, ...]:
        """Return the metrics or dimensions that the list under *key* names."""
        parts: list[_Named] = []
        for n, name in enumerate(self._checked_list(key)):
            part = known.get(name) if isinstance(name, str) else None
            if part is None:
                kind = key.value.removesuffix("s")
                self._problems.add_unknown(f"{key}[{n}]", kind, name, known)
            elif part in parts:
                self._problems.add(f"{key}[{n}]", "named twice")
            else:
                parts.append(part)
        return tuple(parts)

    def _checked_list(self, key: QueryKey) -> list[object]:
        names = self._raw.get(key, [])
        most = MAX_DIMENSIONS if key is QueryKey.DIMENSIONS else _MAX_NAMES
        if not isinstance(names, list):
            self._problems.add(key, "must be a list of names")
        elif len(names) > most:
            self._problems.add(key, f"at most {most} names are allowed")
        elif key is QueryKey.METRICS and not names:
            self._problems.add(key, f"name at least one of {', '.join(METRICS)}")
        else:
            return names
        return []

    def parse_order_by(self, names: list[str]) -> tuple[OrderBy, ...]:
        pairs = self._raw.get(QueryKey.ORDER_BY, [])
        if not isinstance(pairs, list) or len(pairs) > _MAX_NAMES:
            rule = f"must be a list of at most {_MAX_NAMES} [name, direction] pairs"
            self._problems.add(QueryKey.ORDER_BY, rule)
            return ()
        orders = (
            self._parse_order(pair, f"{QueryKey.ORDER_BY}[{n}]", names)
            for n, pair in enumerate(pairs)
        )
        return tuple(order for order in orders if order is not None)

    def _parse_order(self, pair: object, path: str, names: list[str]) -> OrderBy | None:
        if not (isinstance(pair, list) and len(pair) == _PAIR):
            self._problems.add(path, 'must be [name, "asc"] or [name, "desc"]')
            return None
        name, direction = pair
        if name not in names:
            kind = "name; sort by a metric or dimension of the query"
            self._problems.add_unknown(f"{path}[0]", kind, name, names)
        elif direction not in list(SortDirection):
            self._problems.add_unknown(
                f"{path}[1]", "direction", direction, SortDirection
            )
        else:
            return OrderBy(name, SortDirection(direction))
        return None

    def parse_limit(self) -> int:
        limit = self._raw.get(QueryKey.LIMIT, DEFAULT_LIMIT)
        if type(limit) is int and 1 <= limit <= MAX_LIMIT:
            return limit
        self._problems.add(
            QueryKey.LIMIT, f"must be a whole number, 1 to {MAX_LIMIT:,}"
        )
        return DEFAULT_LIMIT

    def parse_totals(self) -> bool:
        totals = self._raw.get(QueryKey.TOTALS, False)
        if not isinstance(totals, bool):
            self._problems.add(QueryKey.TOTALS, "must be true or false")
        return totals is True
