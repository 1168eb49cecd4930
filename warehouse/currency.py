"""How many decimals a currency has: what one of the ``…_minor`` columns counts.

Proxy, jobs and reports must agree on it, or amounts move by powers of ten. The only
door to babel's currency data.
"""

from functools import lru_cache

from babel.core import get_global

_CODE_LENGTH = 3
_DEFAULT = "DEFAULT"
_NO_MONEY = frozenset({"XXX", "XTS"})
# CLDR lists the decimals people still use; ISO 4217, which shops and payment providers
# follow, kept these.
_ISO = {
    "AFN": 2,
    "ALL": 2,
    "IQD": 3,
    "IRR": 2,
    "KPW": 2,
    "LAK": 2,
    "LBP": 2,
    "MGA": 2,
    "MMK": 2,
    "RSD": 2,
    "SOS": 2,
    "SYP": 2,
    "YER": 2,
}


def minor_digits(currency: str) -> int | None:
    """Return the decimals of *currency* by ISO 4217, None where it is no currency."""
    # Clients name currencies, so what is remembered of them is short and little.
    return _minor_digits(currency) if len(currency) == _CODE_LENGTH else None


@lru_cache(512)
def _minor_digits(currency: str) -> int | None:
    if currency in _NO_MONEY or currency not in get_global("all_currencies"):
        return None
    if currency in _ISO:
        return _ISO[currency]
    fractions = get_global("currency_fractions")
    return int(fractions.get(currency, fractions[_DEFAULT])[0])
