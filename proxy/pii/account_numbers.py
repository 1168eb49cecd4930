"""Recognizes numbers of payment cards and bank accounts by their check digits."""

from proxy.lists import read_groups

_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in read_groups("iban_lengths.txt").items()
    for country in countries
}
_WITHOUT_SEPARATORS = str.maketrans("", "", " ._-")
# Cards of other lengths are no longer issued; campaign ids have 17 or 18 digits.
_CARD_LENGTHS = frozenset({14, 15, 16, 19})


def is_card(text: str) -> bool:
    """Whether the digits of *text* have a card's length and pass the Luhn check."""
    digits = [int(digit) for digit in text if digit.isdecimal()]
    if len(digits) not in _CARD_LENGTHS:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether *text* starts with an IBAN of the right length and check digits."""
    compact = text.translate(_WITHOUT_SEPARATORS).upper()
    length = _IBAN_LENGTHS.get(compact[:2], 0)
    iban = compact[:length]
    if not length or len(iban) < length or not (iban.isascii() and iban.isalnum()):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
