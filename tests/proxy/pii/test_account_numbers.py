"""Check digits are verified by the rules of the issuers."""

import pytest

from proxy.pii.account_numbers import is_card, is_iban


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("4111111111111111", True, id="16 digits"),
        pytest.param("378282246310005", True, id="15 digits"),
        pytest.param("4111-1111 1111-1111", True, id="separators"),
        pytest.param("4111111111111112", False, id="wrong check digit"),
        pytest.param("42", False, id="too short"),
        pytest.param("12345678901234567" + "4", False, id="18 digits: no card length"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_card_number_needs_a_card_length_and_a_luhn_digit(
    text: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert is_card(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("DE89370400440532013000", True, id="Germany"),
        pytest.param("NO93 8601 1117 947", True, id="Norway, spaces"),
        pytest.param("MT84MALT011000012345MTLCAST001S", True, id="Malta"),
        pytest.param("DE89370400440532013001", False, id="wrong check digits"),
        pytest.param("DE8937040044053201300", False, id="too short"),
        pytest.param("XX89370400440532013000", False, id="no such country"),
        pytest.param("DE8937040044053201300é", False, id="not ASCII"),
    ],
)
def test_an_iban_needs_the_length_of_its_country_and_check_digits(
    text: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert is_iban(text) == expected
