"""The body of a question to the statistics → a checked, typed ``Query``.

The same parser serves the API, ``millpond reports query`` and the reports, so
that a question means the same wherever it is asked. Every bound stands here or in
``filters``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from config.settings import SiteSettings
from reports.dimensions import DIMENSIONS, Dimension
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

Today = Callable[[SiteSettings], date]
_Named = TypeVar("_Named", Metric, Dimension)


class SortDirection(StrEnum):
    """Which end a sorted answer begins with."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Sort by one of the metrics or dimensions asked for."""

    name: str
    direction: SortDirection


class QueryKey(StrEnum):
    """The keys a question may have."""

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
    """A checked question: what of one site, over which days, broken down how."""

    site: SiteSettings
    metrics: tuple[Metric, ...]
    period: Period
    dimensions: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()
    order_by: tuple[OrderBy, ...] = ()
    limit: int = DEFAULT_LIMIT
    totals: bool = False


def decode_body(body: bytes) -> object:
    """Return the JSON value of *body*; anything else is a ``QueryError``."""
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
    """Return the question that *raw* asks of *sites*, or raise all its problems.

    *today* gives a site's own date, which relative periods count from.
    """
    if not isinstance(raw, dict):
        raise QueryError([("body", "must be a JSON object")])
    problems = Problems()
    body = _QueryReader(raw, problems)
    body.check_keys()
    site = body.site(sites)
    metrics = body.named(QueryKey.METRICS, METRICS)
    period = body.period(site, today)
    dimensions = body.named(QueryKey.DIMENSIONS, DIMENSIONS)
    filters = parse_filters(raw.get(QueryKey.FILTERS, []), problems)
    names = [metric.name for metric in metrics]
    names += [dimension.name for dimension in dimensions]
    order_by = body.order_by(names)
    limit, totals = body.limit(), body.totals()
    if site is None or period is None or problems.found:
        raise QueryError(problems.found)
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


class _QueryReader:
    """Reads the keys of one question, each by its own rule."""

    def __init__(self, raw: dict[str, object], problems: Problems) -> None:
        self._raw = raw
        self._problems = problems

    def check_keys(self) -> None:
        for key in self._raw:
            if key not in set(QueryKey):
                self._problems.unknown("body", "key", key, QueryKey)

    def site(self, sites: Mapping[str, SiteSettings]) -> SiteSettings | None:
        given = self._raw.get(QueryKey.SITE)
        found = sites.get(given) if isinstance(given, str) else None
        if not sites:
            self._problems.add(
                QueryKey.SITE, "none is configured; add one under [[sites]]"
            )
        elif found is None:
            self._problems.unknown(QueryKey.SITE, "site", given, sites)
        return found

    def period(self, site: SiteSettings | None, today: Today) -> Period | None:
        given = self._raw.get(QueryKey.DATE_RANGE, DEFAULT_RANGE)
        try:
            match given:
                case [str() as first, str() as last]:
                    return parse_range(first, last)
                case str() as text:
                    return parse_period(text, today(site)) if site else None
        except PeriodError as problem:
            self._problems.add(QueryKey.DATE_RANGE, str(problem))
            return None
        self._problems.add(QueryKey.DATE_RANGE, f"must be [from, to] or one of {FORMS}")
        return None

    def named(self, key: QueryKey, known: Mapping[str, _Named]) -> tuple[_Named, ...]:
        names = self._names(key)
        found: list[_Named] = []
        for n, name in enumerate(names):
            part = known.get(name) if isinstance(name, str) else None
            if part is None:
                what = key.value.removesuffix("s")
                self._problems.unknown(f"{key}[{n}]", what, name, known)
            elif part in found:
                self._problems.add(f"{key}[{n}]", "named twice")
            else:
                found.append(part)
        return tuple(found)

    def _names(self, key: QueryKey) -> list[object]:
        given = self._raw.get(key, [])
        most = MAX_DIMENSIONS if key is QueryKey.DIMENSIONS else _MAX_NAMES
        if not isinstance(given, list):
            self._problems.add(key, "must be a list of names")
        elif len(given) > most:
            self._problems.add(key, f"at most {most} at once")
        elif key is QueryKey.METRICS and not given:
            self._problems.add(key, f"name at least one of {', '.join(METRICS)}")
        else:
            return given
        return []

    def order_by(self, names: list[str]) -> tuple[OrderBy, ...]:
        given = self._raw.get(QueryKey.ORDER_BY, [])
        if not isinstance(given, list) or len(given) > _MAX_NAMES:
            rule = f"must be a list of at most {_MAX_NAMES} [name, direction] pairs"
            self._problems.add(QueryKey.ORDER_BY, rule)
            return ()
        orders = (
            self._order(pair, f"{QueryKey.ORDER_BY}[{n}]", names)
            for n, pair in enumerate(given)
        )
        return tuple(order for order in orders if order is not None)

    def _order(self, pair: object, path: str, names: list[str]) -> OrderBy | None:
        if not (isinstance(pair, list) and len(pair) == _PAIR):
            self._problems.add(path, 'must be [name, "asc"] or [name, "desc"]')
            return None
        name, direction = pair
        if name not in names:
            what = "name; sort by a metric or dimension of the question"
            self._problems.unknown(f"{path}[0]", what, name, names)
        elif direction not in list(SortDirection):
            self._problems.unknown(f"{path}[1]", "direction", direction, SortDirection)
        else:
            return OrderBy(name, SortDirection(direction))
        return None

    def limit(self) -> int:
        given = self._raw.get(QueryKey.LIMIT, DEFAULT_LIMIT)
        if type(given) is int and 1 <= given <= MAX_LIMIT:
            return given
        self._problems.add(
            QueryKey.LIMIT, f"must be a whole number, 1 to {MAX_LIMIT:,}"
        )
        return DEFAULT_LIMIT

    def totals(self) -> bool:
        given = self._raw.get(QueryKey.TOTALS, False)
        if not isinstance(given, bool):
            self._problems.add(QueryKey.TOTALS, "must be true or false")
        return given is True
