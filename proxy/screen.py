"""Screens by class of width, so that no size tells one visitor from another."""

from bisect import bisect_right
from collections.abc import Sequence

_CLASSES = ("xs", "s", "m", "l", "xl")
# The first width of each class but the smallest, in CSS pixels.
_FROM = (576, 992, 1_440, 1_920)
_WIDEST = 100_000


def screen_class(screen: Sequence[float] | None) -> str | None:
    """Return the class of a [width, height] in CSS pixels, None where unusable."""
    if not screen or not 0 < screen[0] <= _WIDEST:
        return None
    return _CLASSES[bisect_right(_FROM, screen[0])]
