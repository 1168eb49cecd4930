"""Figures are formatted for readers, and no stored value controls the terminal."""

import pytest

from reports.answer import Figure
from reports.formatting import figure_text, head_text, printable, value_text
from reports.metrics import METRICS, Unit


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        pytest.param(1_234_567, Unit.COUNT, "1,234,567", id="thousands"),
        pytest.param(0, Unit.COUNT, "0", id="zero"),
        pytest.param(None, Unit.SHARE, "", id="unknown"),
        pytest.param(0.4121, Unit.SHARE, "41.2%", id="share"),
        pytest.param(1.5, Unit.RATIO, "1.50", id="ratio"),
        pytest.param(59.6, Unit.SECONDS, "1m 00s", id="rounds up to a minute"),
        pytest.param(9, Unit.SECONDS, "9s", id="seconds"),
        pytest.param(3_725, Unit.SECONDS, "1h 02m", id="hours"),
        pytest.param(90_000, Unit.SECONDS, "1d 01h", id="days"),
        pytest.param(61_000, Unit.MILLISECONDS, "1m 01s", id="milliseconds"),
        pytest.param(123_456, Unit.MINOR, "1,234.56", id="money"),
        pytest.param(-5, Unit.MINOR, "-0.05", id="negative money"),
    ],
)
def test_a_figure_is_formatted_by_its_unit(
    value: Figure, unit: Unit, expected: str
) -> None:
    assert figure_text(value, unit, "EUR") == expected


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("EUR", "1,234.56"), ("JPY", "123,456"), ("KWD", "123.456")],
)
def test_money_has_the_digits_of_its_currency(currency: str, expected: str) -> None:
    assert figure_text(123_456, Unit.MINOR, currency) == expected


def test_the_column_head_of_an_amount_names_the_currency() -> None:
    got = [head_text(METRICS[name], "CHF") for name in ("value_minor", "orders")]

    assert got == ["revenue CHF", "orders"]


@pytest.mark.parametrize(
    ("dimension", "value", "expected"),
    [
        pytest.param("country", "DE", "DE Germany", id="country"),
        pytest.param("country", "(none)", "(none)", id="unknown country"),
        pytest.param("country", "ZZX", "ZZX", id="unassigned code"),
        pytest.param("page", "DE", "DE", id="another dimension"),
    ],
)
def test_countries_have_names(dimension: str, value: str, expected: str) -> None:
    assert value_text(dimension, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/straße/日本", "/straße/日本", id="letters stay"),
        pytest.param("/\x1b[2Jx", "/\\x1b[2Jx", id="terminal escape"),
        pytest.param("a\r\nb\tc", "a\\r\\nb\\tc", id="line breaks"),
        pytest.param("a\x9bmb", "a\\x9bmb", id="eight-bit control"),
        pytest.param("a\u202eb", "a\\u202eb", id="right-to-left override"),
        pytest.param("a\u200bb", "a\\u200bb", id="zero-width space"),
        pytest.param("a\u2028b", "a\\u2028b", id="line separator"),
        pytest.param("a\ud800b", "a\\ud800b", id="half a surrogate"),
    ],
)
def test_terminal_control_characters_are_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected
