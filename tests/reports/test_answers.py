"""Every kind of question has one right answer, from the table that can give it."""

import pytest

from reports.answer import SourceTables
from tests.reports.questions import body
from tests.reports.stored import WEEK, asked, results, store, walks
from warehouse.tables import Warehouse

_QUESTIONS = [
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
        id="one value, not shown",
    ),
    pytest.param(
        {"filters": [["is", "page", ["/", "/b"]]]},
        [(1, 2)],
        SourceTables.EVENTS,
        id="a visitor of two values is one",
    ),
    pytest.param(
        {"metrics": ["sessions"], "filters": [["is", "page", ["/", "/a", "/b"]]]},
        [(3,)],
        SourceTables.EVENTS,
        id="a session of two values is one",
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
        id="a week is called by its monday",
    ),
    pytest.param(
        {"filters": [["is", "day", ["2026-11-19"]]]},
        [(0, 0)],
        SourceTables.DAILY_STATS,
        id="a day without anything",
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
        id="who did something",
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
        id="conditions joined",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["contains", "page", ["(none"]]]},
        [],
        SourceTables.DAILY_STATS,
        id="nothing found",
    ),
    pytest.param(
        {"dimensions": ["page"], "filters": [["is", "page", ["' OR 1=1 --"]]]},
        [],
        SourceTables.DAILY_STATS,
        id="a value is only ever a value",
    ),
    pytest.param(
        {"dimensions": ["country", "page"], "filters": [["contains", "page", [".*"]]]},
        [],
        SourceTables.EVENTS,
        id="a value is no pattern",
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
    return store(tmp_path_factory.mktemp("warehouse"), walks())


@pytest.mark.parametrize(("question", "rows", "source"), _QUESTIONS)
def test_a_question_has_one_right_answer(
    warehouse: Warehouse,
    question: dict[str, object],
    rows: list[tuple[object, ...]],
    source: SourceTables,
) -> None:
    got = asked(warehouse, body(date_range=WEEK, **question))

    assert results(got) == rows
    assert (got.source, got.row_count) == (source, len(rows))
