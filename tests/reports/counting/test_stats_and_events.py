"""Stored figures and events give the same answer to a query."""

from collections.abc import Sequence

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from config.settings import SiteSettings
from reports.answer import ResultRow
from reports.counting.counted import CountedColumns
from reports.counting.from_events import DayEvents, count_events
from reports.counting.from_stats import count_stats, stored_dimension
from reports.counting.ranking import result_rows, sum_figures
from reports.deadline import no_deadline
from reports.dimensions import Dimension, DimensionScope, dimensions_of
from reports.filters import Condition, Connective, Filter, JoinedFilters, Operator
from reports.metrics import METRICS
from reports.period import Period
from reports.query import MAX_LIMIT, Query
from tests.hypothesis_settings import few_examples
from tests.warehouse.day_frames import CURRENCIES, ZONES, Row, build_day, frame
from tests.warehouse.event_strategies import DAYS, events_of
from warehouse.figures.open_refunds import NO_RESTS

_SITES = tuple(
    SiteSettings(
        id=site,
        domains=(f"{site}.example",),
        timezone=ZONES[site],
        currency=currency,
        props_allow=("plan", "size"),
    )
    for site, currency in CURRENCIES.items()
)
_WHOLE_PERIOD = Period(min(DAYS), max(DAYS))
_ALL_DIMENSIONS = dimensions_of(_SITES[0]).values()
_DAY_DIMENSIONS = [
    dimension for dimension in _ALL_DIMENSIONS if dimension.scope is DimensionScope.DAY
]
_STORED_DIMENSIONS = [
    dimension
    for dimension in _ALL_DIMENSIONS
    if dimension.scope is not DimensionScope.DAY
]
_DAY_VALUES = ("2026-07-01", "2026-03-29", "2026-03", "2026-06-29")
_VALUES = ("/", "/a", "(none)", "12", "p1", "pageview", "DE", "pro", "1.5", "x")


def _condition(dimension: Dimension) -> st.SearchStrategy[Filter]:
    is_day = dimension.scope is DimensionScope.DAY
    values = st.sampled_from(_DAY_VALUES if is_day else _VALUES)
    return st.builds(
        Condition,
        st.sampled_from(Operator),
        st.just(dimension),
        st.lists(values, min_size=1, max_size=3).map(tuple),
    )


def _filters(dimensions: Sequence[Dimension]) -> st.SearchStrategy[Filter]:
    one = st.sampled_from(dimensions).flatmap(_condition)
    parts = st.lists(one, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        one,
        st.builds(
            JoinedFilters, st.sampled_from([Connective.AND, Connective.OR]), parts
        ),
        one.map(lambda part: JoinedFilters(Connective.NOT, (part,))),
    )


@st.composite
def _queries(draw: st.DrawFn) -> Query:
    """Return a strategy for queries that the stored figures can answer."""
    stored = draw(st.sampled_from(_STORED_DIMENSIONS))
    by = draw(st.lists(st.sampled_from(_DAY_DIMENSIONS), max_size=2, unique=True))
    by = draw(st.permutations([*by, *draw(st.sampled_from([[], [stored]]))]))
    filters: list[Filter] = []
    if stored in by:
        filters = draw(st.lists(_filters([stored, *_DAY_DIMENSIONS]), max_size=2))
    elif draw(st.booleans()):
        value = draw(st.sampled_from(_VALUES))
        filters = [Condition(Operator.IS, stored, (value,))]
        filters += draw(st.lists(_filters(_DAY_DIMENSIONS), max_size=1))
    return Query(
        site=draw(st.sampled_from(_SITES)),
        metrics=tuple(METRICS.values()),
        period=_WHOLE_PERIOD,
        dimensions=tuple(by),
        filters=tuple(filters),
        limit=MAX_LIMIT,
    )


def _stats(events: Sequence[Row]) -> pl.DataFrame:
    days = sorted({row["day"] for row in events})
    stats = [build_day([row for row in events if row["day"] == day])[1] for day in days]
    return pl.concat([build_day([])[1], *stats])


def _from_stats(stats: pl.DataFrame, query: Query) -> CountedColumns:
    rows = stats.filter(site=query.site.id, dimension=stored_dimension(query))
    return count_stats(rows, query)


def _from_events(events: Sequence[Row], query: Query) -> CountedColumns:
    site_events = [row for row in events if row["site"] == query.site.id]
    return count_events(
        query,
        sorted({row["day"] for row in events}),
        lambda day: DayEvents(
            frame(row for row in site_events if row["day"] == day), NO_RESTS
        ),
        no_deadline,
    )


def _results(counted: CountedColumns, query: Query) -> tuple[ResultRow, ...]:
    return result_rows(sum_figures(counted.figures, query), query)


_ANY_EVENTS = st.lists(st.sampled_from(DAYS[:2]).flatmap(events_of), max_size=24)


@few_examples()
@given(_ANY_EVENTS, st.lists(_queries(), min_size=3, max_size=3))
def test_stored_figures_and_events_give_the_same_answer(
    events: list[Row], queries: list[Query]
) -> None:
    stats = _stats(events)
    for query in queries:
        stored, counted = _from_stats(stats, query), _from_events(events, query)

        assert _results(stored, query) == _results(counted, query)
        assert stored.other_currencies == counted.other_currencies
