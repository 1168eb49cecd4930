"""Exported files keep every value, and no spreadsheet runs one as a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.answer import Answer, ResultRow, SourceTables
from reports.export import answer_csv, escape_formula, json_text
from reports.query import parse_query
from tests.reports.sample_queries import SITES, body, today

_FORMULAS = [
    pytest.param("=1+1", id="equals"),
    pytest.param("+1", id="plus"),
    pytest.param("-1", id="minus"),
    pytest.param("@SUM(A1)", id="at"),
    pytest.param("\t=1", id="tab"),
    pytest.param("\r=1", id="carriage return"),
    pytest.param("\n=1", id="line feed"),
    pytest.param("\0=1", id="nul"),
    pytest.param("  =1", id="leading blanks"),
    pytest.param("\uff1d1", id="full-width equals"),
    pytest.param("\uff0b1", id="full-width plus"),
    pytest.param("\uff0d1", id="full-width minus"),
    pytest.param("\uff20A", id="full-width at"),
    pytest.param("|calc", id="pipe"),
    pytest.param("%0A=1", id="percent"),
    pytest.param("'=1", id="already escaped"),
]


def unescape(cell: str) -> str:
    """Return the original value of *cell*, as a reader of the file can."""
    return (
        cell[1:] if cell.startswith("'") and escape_formula(cell[1:]) == cell else cell
    )


@pytest.mark.parametrize("value", _FORMULAS)
def test_a_value_like_a_formula_is_escaped(value: str) -> None:
    got = escape_formula(value)

    assert got == "'" + value
    assert unescape(got) == value


@pytest.mark.parametrize(
    "value", ["/a", "", "(none)", "a=b", "'quoted'", "12", "don't"]
)
def test_a_value_that_is_no_formula_is_unchanged(value: str) -> None:
    assert (escape_formula(value), unescape(value)) == (value, value)


@given(st.text(st.sampled_from("'=+-@|% \t\r\n\0/a"), max_size=6) | st.text())
def test_every_value_can_be_unescaped(value: str) -> None:
    assert unescape(escape_formula(value)) == value


def _answer(*values: str) -> Answer:
    query = parse_query(
        body(dimensions=["page"], metrics=["visitors", "bounce_rate"]), SITES, today
    )
    rows = tuple(ResultRow((value,), (7, None)) for value in values)
    return Answer(
        query=query, rows=rows, row_count=len(rows), source=SourceTables.EVENTS
    )


def test_texts_are_quoted_and_numbers_are_not() -> None:
    got = answer_csv(_answer("/a;=1", '/"', "=1+1"))

    assert got == (
        '"page","visitors","bounce_rate"\r\n'
        '"/a;=1",7,""\r\n'
        '"/""",7,""\r\n'
        '"\'=1+1",7,""\r\n'
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_value_is_one_cell(value: str) -> None:
    rows = list(csv.reader(io.StringIO(answer_csv(_answer(value)), newline="")))

    assert len(rows) == 2
    assert unescape(rows[1][0]) == value


def test_json_is_indented_and_keeps_letters() -> None:
    got = json_text({"results": [{"dimensions": ["/ß"], "metrics": [1]}]})

    assert got.splitlines()[:2] == ["{", '  "results": [']
    assert '"/ß"' in got
