"""Queries on the stored tables are answered correctly, from stats or from events."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from reports.answer import SourceTables
from reports.counting.queries import Statistics
from reports.deadline import TooSlowError
from reports.period import Period
from reports.query import parse_query
from tests.reports.sample_queries import BLOG, SHOP, SITES, body, today
from tests.reports.sample_tables import (
    BUILT_AT_S,
    WALK_DAY,
    WEEK,
    answer_query,
    drop,
    results,
    sample,
    store,
    two_visitors,
)
from tests.warehouse.day_frames import Row, build_day, event, frame
from warehouse.schema import DAILY_STATS, EVENTS
from warehouse.tables import Warehouse

REFUND: Row = {"name": "order_refunded", "server": True, "refund_minor": 101}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("warehouse"), two_visitors())


@pytest.mark.parametrize(
    "dimensions", [["page"], ["page", "country"]], ids=["from stats", "from events"]
)
def test_totals_count_every_visitor_once(
    warehouse: Warehouse, dimensions: list[str]
) -> None:
    raw = body(date_range=WEEK, dimensions=dimensions, totals=True, limit=1)

    got = answer_query(warehouse, raw)

    assert got.totals == (2, 5)
    assert len(got.rows) < got.row_count
    assert got.meta()["truncated"] is True


def test_every_metric_has_the_right_figure(tmp_path: Path) -> None:
    client: Row = {"day": WALK_DAY, "visitor": 1}
    order: Row = {"name": "order_placed", "path": "/cart"}
    stored = store(
        tmp_path,
        [
            event("10:00", **client, path="/"),
            event("10:01", **client, path="/", name="engagement", engaged_ms=4_500),
            event("10:03", **client, path="/cart"),
            event("10:04", **client, **order, order_key=1, value_minor=1_000),
            event("10:05", **client, **order, order_key=2, value_minor=501),
            event(
                "10:06", **client, **order, order_key=3, value_minor=9, currency="USD"
            ),
            event("12:00", day=WALK_DAY, visitor=2),
            event("13:00", **{**client, **order, **REFUND}, order_key=2),
        ],
    )
    figures = {
        "visitors": 2,
        "sessions": 2,
        "pageviews": 3,
        "events": 7,
        "bounces": 1,
        "bounce_rate": 0.5,
        "views_per_session": 1.5,
        "duration_s": 360,
        "avg_duration_s": 180.0,
        "engaged_ms": 4_500,
        "avg_engaged_s": 2.2,
        "orders": 3,
        "value_minor": 1_501,
        "avg_order_minor": 750,
        "refunds": 1,
        "refund_minor": 101,
        "net_minor": 1_400,
        "conversions": 1,
        "conversion_rate": 0.5,
    }

    for dimensions in ([], ["country", "device"]):
        raw = body(metrics=list(figures), date_range=WEEK, dimensions=dimensions)
        got = answer_query(stored, raw)

        assert got.rows[0].metrics == tuple(figures.values())
        assert got.other_currencies == ("USD",)


def test_an_event_with_two_products_is_one_event_and_one_order(tmp_path: Path) -> None:
    boots = {"product": "boots", "variant": None, "quantity": 2, "price_minor": 500}
    laces = {"product": "laces", "variant": None, "quantity": 1, "price_minor": 9}
    client: Row = {"day": WALK_DAY, "visitor": 1}
    order: Row = {"name": "order_placed", "order_key": 1, "value_minor": 1_400}
    stored = store(
        tmp_path,
        [
            event("10:00", **client, name="product_viewed", items=[boots, boots]),
            event("10:01", **client, **order, items=[boots, laces, boots]),
        ],
    )
    metrics = ["sessions", "events", "orders", "value_minor"]
    either = [["is", "product", ["boots", "laces"]]]

    got = {
        str(dimensions): results(
            answer_query(
                stored,
                body(
                    metrics=metrics,
                    date_range=WEEK,
                    dimensions=dimensions,
                    filters=either,
                ),
            )
        )
        for dimensions in ([], ["product"], ["device", "product"])
    }

    assert got == {
        "[]": [(1, 2, 1, 2_009)],
        "['product']": [("boots", 1, 2, 1, 2_000), ("laces", 1, 1, 1, 9)],
        "['device', 'product']": [
            ("(none)", "boots", 1, 2, 1, 2_000),
            ("(none)", "laces", 1, 1, 1, 9),
        ],
    }


@pytest.mark.parametrize("by", ["device", None], ids=["from events", "from stats"])
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(None, {"/viewed": 1, "/server": 0}, id="every page"),
        pytest.param(["/viewed", "/server"], {"/viewed": 1, "/server": 0}, id="both"),
        pytest.param(["/server"], {"/server": 0}, id="the other page"),
    ],
)
def test_a_bounce_counts_on_the_only_page_its_visitor_viewed(
    tmp_path: Path, by: str | None, page: list[str] | None, expected: dict[str, int]
) -> None:
    client: Row = {"day": WALK_DAY, "visitor": 1}
    stored = store(
        tmp_path,
        [
            event("10:00", **client, path="/viewed"),
            event("10:01", **client, path="/server", server=True),
        ],
    )
    query = {
        "metrics": ["sessions", "bounces"],
        "date_range": WEEK,
        "filters": [] if page is None else [["is", "page", page]],
    }
    other_dimensions = [] if by is None else [by]

    by_page = answer_query(
        stored, body(**query, dimensions=["page", *other_dimensions])
    )
    total = answer_query(stored, body(**query, dimensions=other_dimensions))

    bounces_by_page = {row.dimensions[0]: row.metrics for row in by_page.rows}
    assert bounces_by_page == {path: (1, bounces) for path, bounces in expected.items()}
    [row] = total.rows
    assert row.metrics == (1, max(expected.values()))


def test_a_ratio_with_divisor_zero_is_null(warehouse: Warehouse) -> None:
    metrics = ["bounce_rate", "avg_order_minor", "views_per_session"]

    got = answer_query(warehouse, body(metrics=metrics, date_range="today"))

    assert results(got) == [(None, None, None)]


def test_rows_have_the_requested_order(tmp_path: Path) -> None:
    stored = store(tmp_path, sample())
    raw = body(dimensions=["day"], order_by=[["visitors", "desc"], ["day", "desc"]])

    got = answer_query(stored, body(**raw, date_range=WEEK, limit=3))

    assert results(got) == [
        ("2026-11-18", 7, 11),
        ("2026-11-22", 6, 9),
        ("2026-11-17", 6, 9),
    ]
    assert got.row_count == 7


def test_an_answer_names_its_source(warehouse: Warehouse) -> None:
    got = answer_query(warehouse, body(date_range=WEEK)).json()

    assert got == {
        "results": [{"dimensions": [], "metrics": [2, 5]}],
        "meta": {
            "site": "shop",
            "date_range": WEEK,
            "timezone": "Europe/Berlin",
            "currency": "EUR",
            "metrics": ["visitors", "pageviews"],
            "dimensions": [],
            "rows": 1,
            "truncated": False,
            "source": "daily_stats",
            "as_of": "2026-11-22T08:00:00Z",
            "version": 1,
            "visitors": "sum of daily visitors",
            "caveats": [
                {
                    "kind": "daily_visitors",
                    "text": "visitors are added up by day: a visitor who comes on two"
                    " days counts twice",
                }
            ],
        },
    }


def test_the_visitors_of_one_day_are_not_marked_as_a_sum(warehouse: Warehouse) -> None:
    got = answer_query(warehouse, body(date_range="2026-11-20")).meta()

    assert "visitors" not in got


@pytest.mark.parametrize("dimensions", [[], ["page"], ["page", "country"]])
def test_without_tables_an_answer_is_empty(
    tmp_path: Path, dimensions: list[str]
) -> None:
    got = answer_query(Warehouse(tmp_path), body(dimensions=dimensions))

    assert results(got) == ([] if dimensions else [(0, 0)])
    assert got.as_of is None


def test_tables_created_later_are_found(tmp_path: Path) -> None:
    tables = Statistics(Warehouse(tmp_path))
    query = parse_query(body(date_range=WEEK), SITES, today)
    before = tables.answer(query).rows[0].metrics
    store(tmp_path, two_visitors())

    after = tables.answer(query).rows[0].metrics

    assert (before, after) == ((0, 0), (2, 5))


def test_figures_follow_a_rebuilt_day_at_once(tmp_path: Path) -> None:
    stored = store(tmp_path, two_visitors())
    tables = Statistics(stored)
    query = parse_query(body(date_range=WEEK), SITES, today)
    before = tables.answer(query).rows[0].metrics
    stats = build_day(
        [event(day=WALK_DAY, visitor=visitor) for visitor in range(1, 8)]
    )[1]
    stored.open(DAILY_STATS).replace_days([WALK_DAY], [stats], now_s=0)

    after = tables.answer(query).rows[0].metrics

    assert (before, after) == ((2, 5), (7, 7))


def test_folded_values_do_not_affect_a_filter(tmp_path: Path) -> None:
    pages = [event(day=WALK_DAY, visitor=n, path=f"/{n}") for n in range(1, 9)]
    stored = store(tmp_path, pages, value_limit=3)
    all_pages = answer_query(stored, body(date_range=WEEK, dimensions=["page"]))
    one_page = [["is", "page", ["/8"]]]

    got = answer_query(stored, body(date_range=WEEK, filters=one_page))

    assert ("(other)", 5, 5) in results(all_pages)
    assert (results(got), got.source) == ([(1, 1)], SourceTables.EVENTS)


def test_a_query_of_a_year_uses_the_sums_of_past_months(tmp_path: Path) -> None:
    days = [date(2026, month, day) for month in (8, 9, 11) for day in (3, 17)]
    stored = store(tmp_path, [event(day=day, visitor=1) for day in days])
    statistics = Statistics(stored)
    while statistics.prepare(["shop"]):
        pass
    for folder in (stored.root / "daily_stats").glob("day=2026-0[89]-*"):
        shutil.rmtree(folder)
    raw = body(
        date_range="2026", dimensions=["page"], metrics=["sessions", "pageviews"]
    )

    answer = statistics.answer(parse_query(raw, SITES, today))

    assert [row.metrics for row in answer.rows] == [(6, 6)]


def test_the_answer_counts_days_whose_events_are_removed(tmp_path: Path) -> None:
    stored = store(tmp_path, sample())
    stored.open(EVENTS).delete_days([date(2026, 11, 16), WALK_DAY], now_s=0)

    got = answer_query(stored, body(date_range=WEEK, dimensions=["page", "country"]))

    assert got.meta()["missing_days"] == 2


def test_a_slow_query_is_stopped_between_days(tmp_path: Path) -> None:
    stored = store(tmp_path, sample())
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) > 3:
            raise TooSlowError("too slow")

    query = parse_query(
        body(date_range=WEEK, dimensions=["page", "country"]), SITES, today
    )

    with pytest.raises(TooSlowError):
        Statistics(stored).answer(query, tick)
    assert len(ticks) == 4


def test_received_hits_are_the_sum_of_stored_duplicate_and_dropped(
    tmp_path: Path,
) -> None:
    drops = [
        drop("bot", 40, bot_kind="ai_crawler_openai"),
        drop("bot", 2, hour=10),
        drop("duplicate", 3),
        drop("bad_page", 1),
        drop("bot", 9, day=date(2026, 11, 1)),
        drop("bot", 9, site="blog"),
        drop("unknown_site", 4, site="(unknown)"),
        drop("unknown_site", 1, site="(unknown)", hour=3, protocol="segment"),
        drop("malformed", 7, site="(unknown)"),
        drop("unknown_site", 9, site="(unknown)", day=date(2026, 11, 1)),
    ]
    robot = [event(f"09:{n // 60:02}:{n % 60:02}", visitor=3) for n in range(1_001)]
    rows = [*two_visitors(), *(row | {"day": WALK_DAY} for row in robot)]
    stored = store(tmp_path, rows, drops)

    got = Statistics(stored).received(
        SHOP, Period(date(2026, 11, 16), date(2026, 11, 22))
    )

    assert got.reasons == (("bot", 42), ("duplicate", 3), ("bad_page", 1))
    assert got.bot_kinds == (("ai_crawler_openai", 40), ("(unknown)", 2))
    assert (got.stored, got.duplicate, got.dropped) == (1_008, 3, 43)
    assert got.total == 1_008 + 3 + 43
    assert (got.suspect_sessions, got.suspect_events) == (1, 1_001)
    # Of no site, so in no sum.
    assert got.unknown == (("native", 4), ("segment", 1))
    assert got.json()["meta"]["unknown_site"] == {"native": 4, "segment": 1}  # type: ignore[index] # JSON


def test_the_state_of_a_site_has_its_first_and_last_day(tmp_path: Path) -> None:
    tables = Statistics(store(tmp_path, sample()))

    got, other = tables.state(SHOP), tables.state(BLOG)

    assert (got.first_day, got.last_day) == (date(2026, 11, 9), date(2026, 11, 22))
    assert got.built is not None
    assert got.built.at_s == BUILT_AT_S
    assert (other.first_day, other.loaded) == (None, got.loaded)


def test_suspect_sessions_are_in_no_figure_from_either_source(tmp_path: Path) -> None:
    robot = frame(
        event(f"09:{n // 60:02}:{n % 60:02}", day=WALK_DAY, visitor=3)
        for n in range(1_001)
    )
    stored = Warehouse(tmp_path)
    stored.open(EVENTS).append(robot)
    stored.open(DAILY_STATS).replace_days([WALK_DAY], [build_day(robot)[1]], now_s=0)

    got = [
        results(answer_query(stored, body(date_range=WEEK, filters=filters)))
        for filters in ([], [["is", "page", ["/", "/x"]]])
    ]

    assert got == [[(0, 0)], [(0, 0)]]
