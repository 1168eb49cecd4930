"""The overview compares equal periods, and its trend has every step."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from reports.caveats import CaveatKind
from reports.counting.queries import Statistics
from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS
from reports.overview import Direction, Headline, Overview, TrendStep, build_overview
from reports.query import parse_query
from tests.reports.sample_queries import SITES, TODAY, body, local_now, today
from tests.reports.sample_tables import sample, store
from tests.warehouse.day_frames import Row, event
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("warehouse"), sample())


def _overview(warehouse: Warehouse, period: str, site: str = "shop") -> Overview:
    query = parse_query(body(site=site, date_range=period), SITES, today)
    by = [(DIMENSIONS["page"],)]
    return build_overview(
        Statistics(warehouse).answer, query, by, local_now(query.site)
    )


def test_headlines_are_compared_with_the_period_before(warehouse: Warehouse) -> None:
    got = _overview(warehouse, "7d")

    assert {
        headline.metric.name: (headline.figure, headline.before)
        for headline in got.headlines
    } == {
        "visitors": (36, 32),
        "sessions": (36, 32),
        "pageviews": (56, 50),
        "bounce_rate": (0.4444, 0.4375),
        "orders": (12, 10),
        "value_minor": (71_812, 52_922),
        "conversion_rate": (0.3333, 0.3125),
    }
    assert (got.before.first, got.before.last) == (
        date(2026, 11, 9),
        date(2026, 11, 15),
    )


def test_net_revenue_is_shown_if_there_are_refunds(tmp_path: Path) -> None:
    refund: Row = {"name": "order_refunded", "server": True, "refund_minor": 12}
    rows = [*sample(), event(day=TODAY, visitor=None, **refund)]

    got = _overview(store(tmp_path, rows), "7d").headlines[-1]

    assert (got.metric.name, got.figure, got.before) == ("net_minor", 71_800, 52_922)


def test_a_site_without_orders_has_no_revenue(warehouse: Warehouse) -> None:
    got = _overview(warehouse, "7d", site="blog")

    assert [headline.metric.name for headline in got.headlines][-1] == "bounce_rate"
    assert got.empty


@pytest.mark.parametrize(
    ("period", "step", "labels"),
    [
        pytest.param(
            "2026-11-20", TrendStep.HOUR, ["00", "23", 24], id="a day by hour"
        ),
        pytest.param("7d", TrendStep.DAY, ["2026-11-16", "2026-11-22", 7], id="by day"),
        pytest.param(
            "2026-11",
            TrendStep.DAY,
            ["2026-11-01", "2026-11-22", 22],
            id="without future days",
        ),
        pytest.param(
            "12mo",
            TrendStep.WEEK,
            ["2025-12-01", "2026-11-16", 51],
            id="a year by week",
        ),
        pytest.param(
            "2024-12-31..2026-01-01", TrendStep.WEEK, ["2024-12-30", "2025-12-29", 53]
        ),
        pytest.param(
            "36mo", TrendStep.MONTH, ["2023-12", "2026-11", 36], id="years by month"
        ),
    ],
)
def test_the_trend_has_every_step(
    warehouse: Warehouse, period: str, step: TrendStep, labels: list[object]
) -> None:
    got = _overview(warehouse, period).trend

    assert got.step is step
    assert [got.labels[0], got.labels[-1], len(got.labels)] == labels
    assert len(got.figures) == len(got.labels)


@pytest.mark.parametrize("period", ["7d", "2026-11", "12mo", "36mo"])
def test_the_trend_sums_to_the_headline(warehouse: Warehouse, period: str) -> None:
    got = _overview(warehouse, period)

    assert sum(got.trend.figures) == got.headlines[0].figure


@pytest.mark.parametrize(
    ("metric", "figure", "before", "expected"),
    [
        pytest.param("visitors", 112, 100, (Direction.UP, "12%"), id="up"),
        pytest.param("visitors", 50, 100, (Direction.DOWN, "50%"), id="down"),
        pytest.param(
            "visitors", 1_000, 1_001, (Direction.SAME, "no change"), id="flat"
        ),
        pytest.param("visitors", 5, 0, (Direction.UP, "new"), id="from zero"),
        pytest.param(
            "visitors", 0, 0, (Direction.SAME, "no change"), id="zero both times"
        ),
        pytest.param("visitors", 0, 9, (Direction.DOWN, "100%"), id="to zero"),
        pytest.param(
            "visitors", 99_000, 9, (Direction.UP, "1,099,900%"), id="a large increase"
        ),
        pytest.param(
            "bounce_rate", 0.5, 0.4, (Direction.UP, "10.0 points"), id="share"
        ),
        pytest.param("bounce_rate", None, 0.4, (Direction.SAME, ""), id="unknown now"),
        pytest.param(
            "bounce_rate", 0.4, None, (Direction.SAME, ""), id="unknown before"
        ),
    ],
)
def test_a_change_is_in_percent_or_percentage_points(
    metric: str,
    figure: float | None,
    before: float | None,
    expected: tuple[Direction, str],
) -> None:
    assert Headline(METRICS[metric], figure, before).change() == expected


def _at(clock: str, day: int, visitor: int, **changes: object) -> Row:
    return event(clock, day=date(2026, 11, day), visitor=visitor, **changes)


@pytest.mark.parametrize(
    ("period", "figures"),
    [
        pytest.param("today", (1, 1), id="today: yesterday until the same time"),
        pytest.param("2d", (3, 2), id="days: the last one until the same time"),
        pytest.param("yesterday", (2, 1), id="a whole day: a whole day"),
        pytest.param("2026-11", (5, 1), id="a running month"),
    ],
)
def test_equal_elapsed_parts_are_compared(
    tmp_path: Path, period: str, figures: tuple[int, int]
) -> None:
    events = [
        _at("08:00", 22, 1),
        _at("08:00", 21, 2),
        _at("18:00", 21, 3),
        _at("08:00", 20, 4),
        _at("18:00", 20, 5, site="blog"),
        _at("07:00", 19, 6),
        _at("08:00", 19, 6, name="signup"),
        event("18:00", day=date(2026, 10, 22), visitor=7),
        event("08:00", day=date(2026, 10, 22), visitor=8),
    ]
    query = parse_query(body(date_range=period), SITES, today)
    noon = local_now(query.site).replace(hour=12)

    got = build_overview(Statistics(store(tmp_path, events)).answer, query, [], noon)

    visitors = got.headlines[0]
    assert (visitors.figure, visitors.before) == figures


def test_a_cut_day_is_counted_as_it_was_at_that_time(tmp_path: Path) -> None:
    """A session that went on after the time of the cut was a bounce until then."""
    events = [_at("08:00", 22, 1), _at("11:50", 21, 2), _at("12:10", 21, 2)]
    query = parse_query(body(date_range="today"), SITES, today)
    noon = local_now(query.site).replace(hour=12, minute=0)

    got = build_overview(Statistics(store(tmp_path, events)).answer, query, [], noon)

    assert {each.metric.name: each.before for each in got.headlines} == {
        "visitors": 1,
        "sessions": 1,
        "pageviews": 1,
        "bounce_rate": 1.0,
    }
    assert got.before_until == noon - timedelta(days=1)


def test_a_day_whose_events_are_deleted_is_compared_whole_and_said_so(
    tmp_path: Path,
) -> None:
    warehouse = store(
        tmp_path, [_at("08:00", 22, 1), _at("18:00", 21, 2), _at("08:00", 21, 3)]
    )
    warehouse.open(EVENTS).delete_days([date(2026, 11, 21)], now_s=0)
    query = parse_query(body(date_range="today"), SITES, today)
    noon = local_now(query.site).replace(hour=12)

    got = build_overview(Statistics(warehouse).answer, query, [], noon)

    assert (got.headlines[0].before, got.before_until) == (2, None)
    assert [each.kind for each in got.caveats] == [CaveatKind.WHOLE_DAY]
