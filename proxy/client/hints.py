"""What a client says of language and screen, by classes that single nobody out.

Regions and variants of a language, and exact widths, would narrow visitors down.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

_CLASSES = ("xs", "s", "m", "l", "xl")
# The first width of each class but the smallest, in CSS pixels.
_FROM = (576, 992, 1_440, 1_920)
_WIDEST = 100_000
# "de-DE" and its like; what is longer is not remembered.
_LONGEST_REMEMBERED = 8
_PRIMARY = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")


def screen_class(screen: Sequence[float] | None) -> str | None:
    """Return the class of a [width, height] in CSS pixels, None where unusable."""
    if not screen or not 0 < screen[0] <= _WIDEST:
        return None
    return _CLASSES[bisect_right(_FROM, screen[0])]


def primary_language(tag: str | None) -> str | None:
    """Return the language of *tag*, as in ``de-CH``, or of the first in a list."""
    if tag is None:
        return None
    return _known(tag) if len(tag) <= _LONGEST_REMEMBERED else _primary(tag)


def _primary(tag: str) -> str | None:
    found = _PRIMARY.match(tag)
    return None if found is None else found[1].lower()


_known = lru_cache(maxsize=1_024)(_primary)
