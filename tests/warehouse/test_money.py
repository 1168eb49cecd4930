"""Amounts are exact in every currency; any other value gives None."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.money import LARGEST_AMOUNT, minor_digits, money


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        pytest.param("59.90", "EUR", 5_990, id="hundredths"),
        pytest.param("59.9", "EUR", 5_990, id="one decimal"),
        pytest.param("59", "EUR", 5_900, id="no decimals"),
        pytest.param(59, "EUR", 5_900, id="integer"),
        pytest.param("1980", "JPY", 1_980, id="no minor unit"),
        pytest.param("1.234", "KWD", 1_234, id="thousandths"),
        pytest.param("19.99", "RSD", 1_999, id="ISO 4217, not custom"),
        pytest.param("-5.00", "EUR", -500, id="negative"),
        pytest.param("+5.00", "EUR", 500, id="plus"),
        pytest.param("0.005", "EUR", 0, id="half rounds to even, down"),
        pytest.param("0.015", "EUR", 2, id="half rounds to even, up"),
        pytest.param("0.0150000001", "EUR", 2, id="just over half"),
        pytest.param("-0.015", "EUR", -2, id="negative half"),
        pytest.param("99.995", "JPY", 100, id="rounded to a whole number"),
        pytest.param(Decimal("59.90"), "EUR", 5_990, id="decimal"),
        pytest.param(Decimal("0E-8"), "EUR", 0, id="many zeros"),
        pytest.param("10000000000.00", "EUR", LARGEST_AMOUNT, id="the largest"),
        pytest.param("10000000000.01", "EUR", None, id="over the largest"),
        pytest.param(10**30, "EUR", None, id="far too large"),
        pytest.param("1e3", "EUR", None, id="exponent in text"),
        pytest.param(Decimal("1E+3"), "EUR", None, id="exponent"),
        pytest.param(Decimal("1E-400"), "EUR", None, id="tiny exponent"),
        pytest.param(Decimal("1" * 50), "EUR", None, id="many digits"),
        pytest.param(Decimal("NaN"), "EUR", None, id="NaN"),
        pytest.param(Decimal("sNaN"), "EUR", None, id="signalling NaN"),
        pytest.param(Decimal("-Infinity"), "EUR", None, id="infinity"),
        pytest.param("NaN", "EUR", None, id="NaN in text"),
        pytest.param("1,234.50", "EUR", None, id="thousands separator"),
        pytest.param("59,90", "EUR", None, id="decimal comma"),
        pytest.param("€59.90", "EUR", None, id="currency sign"),
        pytest.param("٥٩", "EUR", None, id="Arabic digits"),
        pytest.param(".5", "EUR", None, id="no whole part"),
        pytest.param("", "EUR", None, id="empty"),
        pytest.param(None, "EUR", None, id="null"),
        pytest.param(True, "EUR", None, id="boolean"),
        pytest.param(59.9, "EUR", None, id="a float is no amount"),
        pytest.param("59.90", "XXX", None, id="code for no currency"),
        pytest.param("59.90", "BTC", None, id="unknown currency"),
    ],
)
def test_money_is_counted_in_minor_units(
    amount: Decimal | str | int | None, currency: str, expected: int | None
) -> None:
    got = money(amount, currency)

    assert got == expected


@given(
    amount=st.decimals(-(10**7), 10**7, places=5),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
)
def test_money_equals_exact_arithmetic(amount: Decimal, currency: str) -> None:
    digits = minor_digits(currency)
    assert digits is not None
    unit = Decimal(1).scaleb(-digits)
    expected = int(amount.quantize(unit, rounding=ROUND_HALF_EVEN).scaleb(digits))

    assert money(amount, currency) == expected
    assert money(str(amount), currency) == expected


@given(
    amount=st.text(max_size=30) | st.decimals(allow_nan=True) | st.integers(),
    currency=st.sampled_from(["EUR", "JPY"]) | st.text(max_size=4),
)
def test_any_value_gives_a_bounded_number_or_none(
    amount: Decimal | str | int, currency: str
) -> None:
    got = money(amount, currency)

    assert got is None or abs(got) <= LARGEST_AMOUNT
