"""Every currency has the number of decimals that ISO 4217 defines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.money import minor_digits

# ISO 4217, list one: the current currencies whose minor unit is not a hundredth.
NOT_HUNDREDTHS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
HUNDREDTHS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
    "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR "
    "KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
    "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
    "UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)
CASES = [
    *((code, 2) for code in HUNDREDTHS.split()),
    *(
        (code, digits)
        for digits, codes in NOT_HUNDREDTHS.items()
        for code in codes.split()
    ),
]


@pytest.mark.parametrize(("currency", "expected"), CASES)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, expected: int) -> None:
    got = minor_digits(currency)

    assert got == expected


@pytest.mark.parametrize("code", ["XXX", "XTS", "BTC", "eur", "EURO", "", "DEFAULT"])
def test_a_code_that_is_no_currency_has_no_decimals(code: str) -> None:
    assert minor_digits(code) is None


@given(code=st.text(max_size=5))
def test_any_text_gives_a_number_of_decimals_or_none(code: str) -> None:
    assert minor_digits(code) in (None, 0, 2, 3, 4)
