"""Languages by their primary tag: regions and variants would narrow visitors down."""

import re
from functools import lru_cache

# "de-DE" and its like; what is longer is not remembered.
_LONGEST_REMEMBERED = 8

_PRIMARY = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")


def primary_language(tag: str | None) -> str | None:
    """Return the language of *tag*, as in ``de-CH``, or of the first in a list."""
    if tag is None:
        return None
    return _known(tag) if len(tag) <= _LONGEST_REMEMBERED else _primary(tag)


def _primary(tag: str) -> str | None:
    found = _PRIMARY.match(tag)
    return None if found is None else found[1].lower()


_known = lru_cache(maxsize=1_024)(_primary)
