"""Every kind of query has the right answer, from the table that can give it."""

import pytest

from reports.answer import SourceTables
from tests.reports.sample_queries import body
from tests.reports.sample_tables import WEEK, answer_query, results, store, two_visitors
from warehouse.tables import Warehouse

_QUERIES = [
    pytest.param({}, [(2, 5)], SourceTables.DAILY_STATS, id="the total"),
    pytest.param(
        {"dimensions": ["page"]},
        [("/a", 2, 3), ("/", 1, 1), ("/b", 1, 1)],
        SourceTables.DAILY_STATS,
        id="one dimension",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["is_not", "page", ["/a"]]]},
        [("/", 1, 1), ("/b", 1, 1)],
        SourceTables.DAILY_STATS,
        id="a dimension filtered by itself",
    ),
    pytest.param(
        {"filters": [["is", "page", ["/a"]]]},
        [(2, 3)],
        SourceTables.DAILY_STATS,
        id="one value as a filter",
    ),
    pytest.param(
        {"filters": [["is", "page", ["/", "/b"]]]},
        [(1, 2)],
        SourceTables.EVENTS,
        id="a visitor with two values counts once",
    ),
    pytest.param(
        {"metrics": ["sessions"], "filters": [["is", "page", ["/", "/a", "/b"]]]},
        [(3,)],
        SourceTables.EVENTS,
        id="a session with two values counts once",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["is", "country", ["DE"]]]},
        [("/", 1, 1), ("/a", 1, 2), ("/b", 1, 1)],
        SourceTables.EVENTS,
        id="filtered by another dimension",
    ),
    pytest.param(
        {"dimensions": ["country", "page"], "order_by": [["country", "desc"]]},
        [("FR", "/a", 1, 1), ("DE", "/", 1, 1), ("DE", "/a", 1, 2), ("DE", "/b", 1, 1)],
        SourceTables.EVENTS,
        id="two dimensions",
    ),
    pytest.param(
        {"dimensions": ["day", "source"]},
        [("2026-11-20", "(none)", 1, 2), ("2026-11-20", "Google", 1, 3)],
        SourceTables.DAILY_STATS,
        id="a dimension by day",
    ),
    pytest.param(
        {"dimensions": ["month"]},
        [("2026-11", 2, 5)],
        SourceTables.DAILY_STATS,
        id="by month",
    ),
    pytest.param(
        {"dimensions": ["week"], "filters": [["is", "week", ["2026-11-16"]]]},
        [("2026-11-16", 2, 5)],
        SourceTables.DAILY_STATS,
        id="a week is named by its Monday",
    ),
    pytest.param(
        {"filters": [["is", "day", ["2026-11-19"]]]},
        [(0, 0)],
        SourceTables.DAILY_STATS,
        id="a day without data",
    ),
    pytest.param(
        {"dimensions": ["hour"]},
        [("10", 1, 2), ("11", 1, 1), ("12", 0, 1), ("15", 1, 1)],
        SourceTables.DAILY_STATS,
        id="by hour",
    ),
    pytest.param(
        {"dimensions": ["event", "page"], "metrics": ["sessions", "events"]},
        [
            ("pageview", "/a", 2, 3),
            ("pageview", "/", 1, 1),
            ("pageview", "/b", 1, 1),
            ("signup", "/a", 1, 1),
        ],
        SourceTables.EVENTS,
        id="events on pages",
    ),
    pytest.param(
        {"dimensions": ["country"], "filters": [["is", "event", ["signup"]]]},
        [("DE", 1, 0)],
        SourceTables.EVENTS,
        id="filtered by an event",
    ),
    pytest.param(
        {
            "dimensions": ["page"],
            "filters": [
                ["or", [["contains", "page", ["b"]], ["is", "country", ["FR"]]]],
                ["not", ["is", "page", ["/"]]],
            ],
        },
        [("/a", 1, 1), ("/b", 1, 1)],
        SourceTables.EVENTS,
        id="joined conditions",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["contains", "page", ["(none"]]]},
        [],
        SourceTables.DAILY_STATS,
        id="no match",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["is", "page", ["' OR 1=1 --"]]]},
        [],
        SourceTables.DAILY_STATS,
        id="SQL in a value has no effect",
    ),
    pytest.param(
        {"dimensions": ["country", "page"], "filters": [["contains", "page", [".*"]]]},
        [],
        SourceTables.EVENTS,
        id="a pattern in a value has no effect",
    ),
    pytest.param(
        {"site": "blog", "dimensions": ["page"]},
        [("/a", 1, 1)],
        SourceTables.DAILY_STATS,
        id="another site",
    ),
    pytest.param(
        {"site": "blog", "dimensions": ["page", "country"]},
        [("/a", "(none)", 1, 1)],
        SourceTables.EVENTS,
        id="another site by two dimensions",
    ),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return store(tmp_path_factory.mktemp("warehouse"), two_visitors())


@pytest.mark.parametrize(("query", "rows", "source"), _QUERIES)
def test_a_query_has_the_right_answer_and_source(
    warehouse: Warehouse,
    query: dict[str, object],
    rows: list[tuple[object, ...]],
    source: SourceTables,
) -> None:
    got = answer_query(warehouse, body(date_range=WEEK, **query))

    assert results(got) == rows
    assert (got.source, got.row_count) == (source, len(rows))
