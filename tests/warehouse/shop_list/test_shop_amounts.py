"""An amount is read in its only meaning, or the meaning is asked for."""

import pytest

from warehouse.shop_list.shop_amounts import (
    DecimalMark,
    amounts_in,
    plain_amount,
    shown_mark,
)
from warehouse.shop_list.unreadable import UnreadableCellError

POINT, COMMA = DecimalMark.POINT, DecimalMark.COMMA


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("59.90", "EUR", "59.90"),
        ("59,90", "EUR", "59.90"),
        ("1.234,50", "EUR", "1234.50"),
        ("1,234.50", "EUR", "1234.50"),
        ("1.234.567", "EUR", "1234567"),
        ("1 234,50", "EUR", "1234.50"),
        ("1\u202f234,50\u00a0€", "EUR", "1234.50"),
        ("1'234.50", "CHF", "1234.50"),
        ("1,23,456.78", "INR", "123456.78"),
        ("1234.567", "EUR", "1234.567"),
        ("36.3900", "EUR", "36.3900"),
        ("0.005", "EUR", "0.005"),
        ("1,234", "JPY", "1234"),
        ("1.500", "KWD", "1.500"),
        ("-3", "EUR", "-3"),
        ("€5", "EUR", "5"),
        ("-€5.00", "EUR", "-5.00"),
        ("5,00 EUR", "EUR", "5.00"),
        ("$1,234.50", "CAD", "1234.50"),
        ("1 234,50 kr", "SEK", "1234.50"),
    ],
)
def test_an_amount_with_one_meaning_needs_no_option(
    text: str, currency: str, expected: str
) -> None:
    assert plain_amount(text, currency, None) == expected


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        ("1.234", POINT, "1.234"),
        ("1.234", COMMA, "1234"),
        ("1,234", POINT, "1234"),
        ("1,234", COMMA, "1.234"),
        ("1.234,5", COMMA, "1234.5"),
    ],
)
def test_the_separator_of_the_list_decides_the_others(
    text: str, mark: DecimalMark, expected: str
) -> None:
    assert plain_amount(text, "EUR", mark) == expected


@pytest.mark.parametrize(
    ("text", "mark", "hint"),
    [
        pytest.param("1,234", None, "--decimal", id="two meanings"),
        pytest.param("59,90", POINT, "--decimal comma", id="the other separator"),
        pytest.param("1.234.567", POINT, "--decimal comma", id="grouped by it"),
        pytest.param("12.34.567", None, "words", id="groups of other lengths"),
        pytest.param("1,234,56", COMMA, "--decimal point", id="two decimal commas"),
        pytest.param("5.", POINT, "words", id="words after it"),
        pytest.param("$5", None, "--currency-column", id="another currency"),
        pytest.param("USD 5", None, "--currency-column", id="its code"),
        pytest.param("5 each", None, "words", id="a word"),
        pytest.param("", None, "words", id="nothing"),
        pytest.param("\u0665\u066b\u0669", None, "words", id="other digits"),
    ],
)
def test_any_other_amount_is_refused_with_the_next_step(
    text: str, mark: DecimalMark | None, hint: str
) -> None:
    with pytest.raises(UnreadableCellError) as raised:
        plain_amount(text, "EUR", mark)

    assert hint in str(raised.value.hint)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("5.90", POINT), ("5,90", COMMA), ("1.234", None), ("5", None), ("free", None)],
)
def test_a_separator_is_shown_only_beyond_doubt(
    text: str, mark: DecimalMark | None
) -> None:
    assert shown_mark(text, "EUR") is mark


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("€59.90", ["€59.90"]),
        ("€59.90 €39.90", ["€59.90", " €39.90"]),
        ("59,90 € 39,90 €", ["59,90 € ", "39,90 €"]),
        ("free", ["free"]),
    ],
)
def test_a_total_and_the_rest_are_two_amounts(text: str, parts: list[str]) -> None:
    assert amounts_in(text) == parts
