"""A query is parsed completely or refused, with every problem named by its path."""

import json
from datetime import date

import pytest

from reports.dimensions import DIMENSIONS
from reports.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES
from reports.metrics import METRICS
from reports.period import Period
from reports.problems import QueryError
from reports.query import (
    MAX_BODY_BYTES,
    MAX_LIMIT,
    OrderBy,
    SortDirection,
    decode_body,
    parse_query,
)
from tests.reports.sample_queries import SHOP, SITES, body, today


def _problems(raw: object) -> dict[str, str]:
    with pytest.raises(QueryError) as caught:
        parse_query(raw, SITES, today)
    return dict(caught.value.problems)


def test_every_field_of_a_query_is_parsed() -> None:
    raw = body(
        date_range=["2026-11-01", "2026-11-22"],
        dimensions=["page", "country"],
        filters=[["is", "country", ["DE"]]],
        order_by=[["pageviews", "desc"], ["page", "asc"]],
        limit=100,
        totals=True,
    )

    got = parse_query(raw, SITES, today)

    assert got.site == SHOP
    assert got.metrics == (METRICS["visitors"], METRICS["pageviews"])
    assert got.period == Period(date(2026, 11, 1), date(2026, 11, 22))
    assert got.dimensions == (DIMENSIONS["page"], DIMENSIONS["country"])
    assert len(got.filters) == 1
    assert got.order_by == (
        OrderBy("pageviews", SortDirection.DESC),
        OrderBy("page", SortDirection.ASC),
    )
    assert (got.limit, got.totals) == (100, True)


def test_a_missing_field_has_a_default() -> None:
    got = parse_query(body(), SITES, today)

    assert got.period == Period(date(2026, 11, 16), date(2026, 11, 22))
    assert (got.dimensions, got.filters, got.order_by) == ((), (), ())
    assert (got.limit, got.totals) == (1_000, False)


_WRONG = [
    pytest.param(body(site="nosuch"), "site", "known: shop, blog", id="unknown site"),
    pytest.param(body(site=7), "site", "known: shop, blog", id="site is a number"),
    pytest.param(body(site=["shop"]), "site", "known: shop", id="site is a list"),
    pytest.param({"metrics": ["events"]}, "site", "known: shop", id="no site"),
    pytest.param({"site": "shop"}, "metrics", "at least one of", id="no metrics"),
    pytest.param(body(metrics=[]), "metrics", "at least one of", id="metrics empty"),
    pytest.param(body(metrics="visitors"), "metrics", "list", id="metrics a text"),
    pytest.param(
        body(metrics=["visitors", "vistors"]),
        "metrics[1]",
        "did you mean 'visitors'?",
        id="metric misspelt",
    ),
    pytest.param(body(metrics=[{}]), "metrics[0]", "known: visi", id="metric object"),
    pytest.param(
        body(metrics=["events", "events"]),
        "metrics[1]",
        "named twice",
        id="a metric named twice",
    ),
    pytest.param(body(metrics=["events"] * 99), "metrics", "at most", id="99 metrics"),
    pytest.param(
        body(dimensions=["pages"]), "dimensions[0]", "'page'?", id="dimension alias"
    ),
    pytest.param(
        body(dimensions=list(DIMENSIONS)[:6]),
        "dimensions",
        "at most 5",
        id="six dimensions",
    ),
    pytest.param(body(dimensions=None), "dimensions", "list", id="dimensions null"),
    pytest.param(body(metric=[]), "body", "did you mean 'metrics'?", id="unknown key"),
    pytest.param(body(date_range=7), "date_range", "one of", id="range a number"),
    pytest.param(body(date_range="7days"), "date_range", "7d", id="range misspelt"),
    pytest.param(
        body(date_range=["2026-11-22", "2026-11-01"]),
        "date_range",
        "ends before",
        id="range backwards",
    ),
    pytest.param(
        body(date_range=["2026-11-22"]), "date_range", "must be", id="one date"
    ),
    pytest.param(
        body(date_range=["2000-01-01", "2026-01-01"]),
        "date_range",
        "longer than",
        id="range too long",
    ),
    pytest.param(body(limit=0), "limit", "1 to 10,000", id="limit zero"),
    pytest.param(body(limit=MAX_LIMIT + 1), "limit", "1 to", id="limit too large"),
    pytest.param(body(limit=True), "limit", "whole number", id="limit a flag"),
    pytest.param(body(limit=1.5), "limit", "whole number", id="limit a fraction"),
    pytest.param(body(limit="10"), "limit", "whole number", id="limit a text"),
    pytest.param(body(limit=10**30), "limit", "whole number", id="limit huge"),
    pytest.param(body(totals=1), "totals", "true or false", id="totals a number"),
    pytest.param(body(order_by="visitors"), "order_by", "list", id="order a text"),
    pytest.param(
        body(order_by=["visitors"]), "order_by[0]", "must be", id="order not a pair"
    ),
    pytest.param(
        body(order_by=[["events", "desc"]]),
        "order_by[0][0]",
        "known: visitors, pageviews",
        id="order by a metric not in the query",
    ),
    pytest.param(
        body(order_by=[["visitors", "down"]]),
        "order_by[0][1]",
        "known: asc, desc",
        id="order direction",
    ),
    pytest.param(
        body(order_by=[[[], {}]]), "order_by[0][0]", "known", id="order of wrong types"
    ),
    pytest.param([], "body", "JSON object", id="body a list"),
    pytest.param(None, "body", "JSON object", id="body null"),
]


@pytest.mark.parametrize(("raw", "path", "message"), _WRONG)
def test_an_invalid_query_names_the_path_and_the_choices(
    raw: object, path: str, message: str
) -> None:
    got = _problems(raw)

    assert message in got[path]


_DE: list[object] = ["is", "country", ["DE"]]
_WRONG_FILTERS = [
    pytest.param("country", "filters", "list of filters", id="a text"),
    pytest.param(["is", "country", ["DE"]], "filters[0]", "operator", id="not nested"),
    pytest.param([[]], "filters[0]", "operator", id="empty filter"),
    pytest.param([[1, 2, 3]], "filters[0]", "operator", id="operator a number"),
    pytest.param([["isnt", "country", ["DE"]]], "filters[0][0]", "is_not", id="op"),
    pytest.param([["matches", "page", [".*"]]], "filters[0][0]", "known", id="regex"),
    pytest.param([["is", "country"]], "filters[0]", "must be", id="two parts"),
    pytest.param([["is", "visitor", ["1"]]], "filters[0][1]", "known", id="column"),
    pytest.param([["is", ["page"], ["1"]]], "filters[0][1]", "known", id="list"),
    pytest.param([["is", "page", "/a"]], "filters[0][2]", "list", id="bare value"),
    pytest.param([["is", "page", []]], "filters[0][2]", "at least one", id="no value"),
    pytest.param([["is", "page", [1]]], "filters[0][2]", "text", id="number"),
    pytest.param([["is", "page", [None]]], "filters[0][2]", "text", id="null"),
    pytest.param(
        [["is", "page", ["x" * 2_049]]], "filters[0][2]", "characters", id="long value"
    ),
    pytest.param([["and", []]], "filters[0][1]", "at least one", id="empty group"),
    pytest.param([["or"]], "filters[0]", "must be", id="group without filters"),
    pytest.param(
        [["not", _DE, _DE]], "filters[0]", "must be", id="not with two filters"
    ),
    pytest.param([["not", "page"]], "filters[0][1]", "operator", id="not with a text"),
    pytest.param(
        [["is", "page", ["x"] * (MAX_VALUES + 1)]],
        "filters[0][2]",
        "1,000 values",
        id="too many values",
    ),
    pytest.param(
        [["is", "page", ["x"] * 600], ["is", "page", ["x"] * 600]],
        "filters[1][2]",
        "1,000 values",
        id="too many values in all",
    ),
    pytest.param([_DE] * 10_000, "filters", "100 filters", id="ten thousand filters"),
    pytest.param(
        [["or", [_DE] * 60], ["or", [_DE] * 60]],
        "filters",
        f"{MAX_CONDITIONS} conditions",
        id="too many conditions in all",
    ),
]


@pytest.mark.parametrize(("filters", "path", "message"), _WRONG_FILTERS)
def test_an_invalid_filter_is_named_by_its_path(
    filters: object, path: str, message: str
) -> None:
    got = _problems(body(filters=filters))

    assert message in got[path]


@pytest.mark.parametrize("group", ["not", "and"])
def test_filters_have_a_maximum_depth(group: str) -> None:
    nested = _DE
    for _ in range(MAX_DEPTH - 1):
        nested = [group, nested if group == "not" else [nested]]
    deeper = [group, nested if group == "not" else [nested]]

    got = parse_query(body(filters=[nested]), SITES, today)

    assert len(got.filters) == 1
    assert "nested deeper" in str(_problems(body(filters=[deeper])))


def test_without_sites_every_query_is_refused() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(body(), {}, today)

    assert dict(caught.value.problems)["site"].startswith("no site is configured")


def test_all_problems_are_reported_together() -> None:
    got = _problems({"site": "x", "metrics": ["y"], "limit": -1, "date_range": [1, 2]})

    assert list(got) == ["site", "metrics[0]", "date_range", "limit"]


def test_many_problems_are_shortened_in_the_message() -> None:
    raw = body(filters=[["zzz", 1]] * 90)

    with pytest.raises(QueryError) as caught:
        parse_query(raw, SITES, today)

    assert len(caught.value.problems) == 90
    assert str(caught.value).count("\n") == 21
    assert str(caught.value).endswith("and 70 more")


_CANARY = "canary@example.org"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(body(site=_CANARY), id="site"),
        pytest.param(body(metrics=[_CANARY]), id="metric"),
        pytest.param(body(dimensions=[_CANARY]), id="dimension"),
        pytest.param(body(date_range=_CANARY), id="range"),
        pytest.param(body(date_range=[_CANARY, _CANARY]), id="range dates"),
        pytest.param(body(limit=_CANARY), id="limit"),
        pytest.param(body(order_by=[[_CANARY, _CANARY]]), id="order"),
        pytest.param(body(filters=[[_CANARY, "page", ["/"]]]), id="operator"),
        pytest.param(body(filters=[["is", _CANARY, [_CANARY]]]), id="filter dimension"),
        pytest.param(body(filters=[["is", "page", [1, _CANARY]]]), id="filter value"),
        pytest.param(body(**{_CANARY: 1}), id="key"),
        pytest.param(body(totals=_CANARY), id="totals"),
    ],
)
def test_no_problem_quotes_the_input(raw: object) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(raw, SITES, today)

    assert _CANARY not in str(caught.value)
    assert _CANARY not in repr(caught.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut short"),
        pytest.param(b'{"limit": NaN}', id="not a number"),
        pytest.param(b'{"site": "\xff"}', id="bad UTF-8"),
        pytest.param(b'{"site": "\\ud800"}', id="half a surrogate"),
        pytest.param(b"[" * 30_000 + b"]" * 30_000, id="very deep"),
        pytest.param(b" " * (MAX_BODY_BYTES + 1), id="too large"),
    ],
)
def test_a_body_that_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(QueryError) as caught:
        decode_body(text)

    assert caught.value.problems[0][0] == "body"


def test_json_is_decoded() -> None:
    got = decode_body(json.dumps(body()).encode())

    assert got == body()
