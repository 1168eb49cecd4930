"""What is asked of the stored tables is answered right, from either kind of table."""

from datetime import date
from pathlib import Path

import pytest

from reports.answer import SourceTables
from reports.counting.queries import Statistics
from reports.deadline import TooSlowError
from reports.period import Period
from reports.query import parse_query
from tests.reports.questions import BLOG, SHOP, SITES, body, today
from tests.reports.stored import (
    BUILT_AT_S,
    WALK_DAY,
    WEEK,
    asked,
    drop,
    results,
    sample,
    store,
    walks,
)
from tests.warehouse.day import Row, built, event, frame
from warehouse.schema import DAILY_STATS, EVENTS
from warehouse.tables import Warehouse

REFUND: Row = {"name": "order_refunded", "server": True, "refund_minor": 101}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("warehouse"), walks())


@pytest.mark.parametrize(
    "dimensions", [["page"], ["page", "country"]], ids=["stored", "counted"]
)
def test_totals_count_nobody_twice(warehouse: Warehouse, dimensions: list[str]) -> None:
    raw = body(date_range=WEEK, dimensions=dimensions, totals=True, limit=1)

    got = asked(warehouse, raw)

    assert got.totals == (2, 5)
    assert len(got.rows) < got.row_count
    assert got.meta()["truncated"] is True


def test_every_metric_has_its_figure(tmp_path: Path) -> None:
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
        got = asked(stored, raw)

        assert got.rows[0].metrics == tuple(figures.values())
        assert got.other_currencies == ("USD",)


def test_what_names_two_products_is_one_event_and_one_order(tmp_path: Path) -> None:
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
            asked(
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


@pytest.mark.parametrize("by", ["device", None], ids=["counted", "stored"])
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(None, {"/viewed": 1, "/server": 0}, id="every page"),
        pytest.param(["/viewed", "/server"], {"/viewed": 1, "/server": 0}, id="both"),
        pytest.param(["/server"], {"/server": 0}, id="the other page"),
    ],
)
def test_a_bounce_is_on_the_page_its_visitor_viewed_alone(
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
    question = {
        "metrics": ["sessions", "bounces"],
        "date_range": WEEK,
        "filters": [] if page is None else [["is", "page", page]],
    }
    also = [] if by is None else [by]

    by_page = asked(stored, body(**question, dimensions=["page", *also]))
    whole = asked(stored, body(**question, dimensions=also))

    found = {row.dimensions[0]: row.metrics for row in by_page.rows}
    assert found == {path: (1, bounces) for path, bounces in expected.items()}
    [row] = whole.rows
    assert row.metrics == (1, max(expected.values()))


def test_a_ratio_without_a_divisor_is_unknown(warehouse: Warehouse) -> None:
    metrics = ["bounce_rate", "avg_order_minor", "views_per_session"]

    got = asked(warehouse, body(metrics=metrics, date_range="today"))

    assert results(got) == [(None, None, None)]


def test_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    stored = store(tmp_path, sample())
    raw = body(dimensions=["day"], order_by=[["visitors", "desc"], ["day", "desc"]])

    got = asked(stored, body(**raw, date_range=WEEK, limit=3))

    assert results(got) == [
        ("2026-11-18", 7, 11),
        ("2026-11-22", 6, 9),
        ("2026-11-17", 6, 9),
    ]
    assert got.row_count == 7


def test_an_answer_says_what_it_was_read_from(warehouse: Warehouse) -> None:
    got = asked(warehouse, body(date_range=WEEK)).json()

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


def test_the_visitors_of_one_day_are_no_sum(warehouse: Warehouse) -> None:
    got = asked(warehouse, body(date_range="2026-11-20")).meta()

    assert "visitors" not in got


@pytest.mark.parametrize("dimensions", [[], ["page"], ["page", "country"]])
def test_no_tables_are_no_figures(tmp_path: Path, dimensions: list[str]) -> None:
    got = asked(Warehouse(tmp_path), body(dimensions=dimensions))

    assert results(got) == ([] if dimensions else [(0, 0)])
    assert got.as_of is None


def test_tables_made_later_are_found(tmp_path: Path) -> None:
    tables = Statistics(Warehouse(tmp_path))
    query = parse_query(body(date_range=WEEK), SITES, today)
    before = tables.answer(query).rows[0].metrics
    store(tmp_path, walks())

    after = tables.answer(query).rows[0].metrics

    assert (before, after) == ((0, 0), (2, 5))


def test_figures_follow_a_rebuilt_day_at_once(tmp_path: Path) -> None:
    stored = store(tmp_path, walks())
    tables = Statistics(stored)
    query = parse_query(body(date_range=WEEK), SITES, today)
    before = tables.answer(query).rows[0].metrics
    stats = built([event(day=WALK_DAY, visitor=visitor) for visitor in range(1, 8)])[1]
    stored.open(DAILY_STATS).replace_days([WALK_DAY], [stats], now_s=0)

    after = tables.answer(query).rows[0].metrics

    assert (before, after) == ((2, 5), (7, 7))


def test_folded_values_do_not_falsify_a_filter(tmp_path: Path) -> None:
    pages = [event(day=WALK_DAY, visitor=n, path=f"/{n}") for n in range(1, 9)]
    stored = store(tmp_path, pages, value_limit=3)
    whole = asked(stored, body(date_range=WEEK, dimensions=["page"]))
    only = [["is", "page", ["/8"]]]

    got = asked(stored, body(date_range=WEEK, filters=only))

    assert ("(other)", 5, 5) in results(whole)
    assert (results(got), got.source) == ([(1, 1)], SourceTables.EVENTS)


def test_days_whose_events_are_gone_are_said_to_be_missing(tmp_path: Path) -> None:
    stored = store(tmp_path, sample())
    stored.open(EVENTS).delete_days([date(2026, 11, 16), WALK_DAY], now_s=0)

    got = asked(stored, body(date_range=WEEK, dimensions=["page", "country"]))

    assert got.meta()["missing_days"] == 2


def test_a_question_is_stopped_between_days(tmp_path: Path) -> None:
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


def test_what_was_received_adds_up(tmp_path: Path) -> None:
    drops = [
        drop("bot", 40),
        drop("bot", 2, hour=10),
        drop("duplicate", 3),
        drop("bad_page", 1),
        drop("bot", 9, day=date(2026, 11, 1)),
        drop("bot", 9, site="blog"),
    ]
    robot = [event(f"09:{n // 60:02}:{n % 60:02}", visitor=3) for n in range(1_001)]
    rows = [*walks(), *(row | {"day": WALK_DAY} for row in robot)]
    stored = store(tmp_path, rows, drops)

    got = Statistics(stored).received(
        SHOP, Period(date(2026, 11, 16), date(2026, 11, 22))
    )

    assert got.reasons == (("bot", 42), ("duplicate", 3), ("bad_page", 1))
    assert (got.stored, got.duplicate, got.dropped) == (1_008, 3, 43)
    assert got.total == 1_008 + 3 + 43
    assert (got.suspect_sessions, got.suspect_events) == (1, 1_001)


def test_a_site_knows_its_days(tmp_path: Path) -> None:
    tables = Statistics(store(tmp_path, sample()))

    got, other = tables.state(SHOP), tables.state(BLOG)

    assert (got.first_day, got.last_day) == (date(2026, 11, 9), date(2026, 11, 22))
    assert got.built is not None
    assert got.built.at_s == BUILT_AT_S
    assert (other.first_day, other.loaded) == (None, got.loaded)


def test_suspect_sessions_are_in_no_figure_either_way(tmp_path: Path) -> None:
    robot = frame(
        event(f"09:{n // 60:02}:{n % 60:02}", day=WALK_DAY, visitor=3)
        for n in range(1_001)
    )
    stored = Warehouse(tmp_path)
    stored.open(EVENTS).append(robot)
    stored.open(DAILY_STATS).replace_days([WALK_DAY], [built(robot)[1]], now_s=0)

    got = [
        results(asked(stored, body(date_range=WEEK, filters=filters)))
        for filters in ([], [["is", "page", ["/", "/x"]]])
    ]

    assert got == [[(0, 0)], [(0, 0)]]
