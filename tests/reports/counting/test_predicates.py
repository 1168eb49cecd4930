"""Each filter keeps the rows that its operator says."""

import polars as pl
import pytest

from reports.counting.predicates import build_predicate
from reports.dimensions import DIMENSIONS
from reports.filters import Condition, Connective, Filter, JoinedFilters, Operator
from warehouse.frames import collect

PAGE = DIMENSIONS["page"]
PAGES = ["/", "/blog", "/blog/a.b", "/shop", "(none)"]


def condition(operator: Operator, *values: str) -> Condition:
    """Return a condition on the page."""
    return Condition(operator, PAGE, values)


def kept(*filters: Filter) -> list[str]:
    """Return which of ``PAGES`` meet all *filters*."""
    rows = pl.LazyFrame({"value": PAGES})
    predicate = build_predicate(filters, lambda _: pl.col("value"))
    return (
        PAGES
        if predicate is None
        else collect(rows.filter(predicate))["value"].to_list()
    )


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        (Operator.IS, ["/blog"], ["/blog"]),
        (Operator.IS, ["/blog", "/shop"], ["/blog", "/shop"]),
        (Operator.IS_NOT, ["/blog"], ["/", "/blog/a.b", "/shop", "(none)"]),
        (Operator.IS_NOT, ["/blog", "/shop"], ["/", "/blog/a.b", "(none)"]),
        (Operator.CONTAINS, ["blog"], ["/blog", "/blog/a.b"]),
        (Operator.CONTAINS, ["a.b", "sho"], ["/blog/a.b", "/shop"]),
        (Operator.CONTAINS, ["a?b"], []),
        (Operator.CONTAINS_NOT, ["blog"], ["/", "/shop", "(none)"]),
        (Operator.CONTAINS_NOT, ["blog", "none"], ["/", "/shop"]),
    ],
)
def test_an_operator_keeps_the_rows_that_it_names(
    operator: Operator, values: list[str], expected: list[str]
) -> None:
    assert kept(condition(operator, *values)) == expected


def test_filters_are_joined_by_their_connective() -> None:
    blog, shop = condition(Operator.CONTAINS, "blog"), condition(Operator.IS, "/shop")
    deep = condition(Operator.CONTAINS, "a.b")

    assert kept() == PAGES
    assert kept(blog, deep) == ["/blog/a.b"]
    assert kept(JoinedFilters(Connective.AND, (blog, deep))) == ["/blog/a.b"]
    assert kept(JoinedFilters(Connective.OR, (deep, shop))) == ["/blog/a.b", "/shop"]
    assert kept(JoinedFilters(Connective.NOT, (blog,))) == ["/", "/shop", "(none)"]
