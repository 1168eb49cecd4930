"""Reduces language and screen size to classes that many visitors share.

A language's region or variant, or an exact width, could help to identify a visitor.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

_CLASSES = ("xs", "s", "m", "l", "xl")
# The first width of each class except the smallest, in CSS pixels.
_FIRST_WIDTHS = (576, 992, 1_440, 1_920)
_MAX_WIDTH = 100_000
# Long enough for "de-DE"; longer tags are not cached.
_MAX_CACHED_LENGTH = 8
_PRIMARY = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z0-9])")


def screen_class(screen: Sequence[float] | None) -> str | None:
    """Return the class of [width, height] in CSS pixels, None if it is unusable."""
    if not screen or not 0 < screen[0] <= _MAX_WIDTH:
        return None
    return _CLASSES[bisect_right(_FIRST_WIDTHS, screen[0])]


def primary_language(tag: str | None) -> str | None:
    """Return the language of *tag* (``de`` of ``de-CH``), or of a list's first tag."""
    if tag is None:
        return None
    if len(tag) > _MAX_CACHED_LENGTH:
        return _parse_primary(tag)
    return _cached_primary(tag)


def _parse_primary(tag: str) -> str | None:
    match = _PRIMARY.match(tag)
    return None if match is None else match[1].lower()


_cached_primary = lru_cache(maxsize=1_024)(_parse_primary)
