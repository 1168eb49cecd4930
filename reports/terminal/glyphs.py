"""The signs a report is drawn with, in Unicode and in plain ASCII."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One way to draw: *blocks* rise from nothing to the most."""

    blocks: str
    up: str
    down: str
    cut: str
    to: str
    rule: str
    bar: str
    none: str


UNICODE: Final = Glyphs(
    blocks="▁▂▃▄▅▆▇█", up="▲", down="▼", cut="…", to="→", rule="─", bar="█", none="-"
)
ASCII: Final = Glyphs(
    blocks="_.-~+*%#", up="+", down="-", cut="~", to="to", rule="-", bar="#", none="-"
)


def sparkline(
    figures: Sequence[float], signs: Glyphs, width: int, widest_step: int = 1
) -> str:
    """Return *figures* as a row of blocks: neighbours added up to fit *width*.

    Few figures get up to *widest_step* columns each. The lowest block is kept for
    nought, so that a quiet day cannot be mistaken for an empty one.
    """
    size = -(-len(figures) // max(width, 1)) or 1
    sums = [sum(figures[n : n + size]) for n in range(0, len(figures), size)]
    most = max(sums, default=0)
    steps = len(signs.blocks) - 1
    levels = [-int(-figure * steps // most) if most else 0 for figure in sums]
    repeat = max(1, min(widest_step, width // max(len(sums), 1)))
    return "".join(signs.blocks[level] * repeat for level in levels)


def bar(figure: float, most: float, signs: Glyphs, width: int) -> str:
    """Return a bar as long as *figure*'s part of *most*; at least a sign of any."""
    if most <= 0 or figure <= 0:
        return ""
    return signs.bar * max(1, round(width * figure / most))
