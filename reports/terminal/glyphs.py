"""The characters that draw a report, in Unicode and in plain ASCII."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """A set of characters; *blocks* are the heights of a sparkline, from 0 upwards."""

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
    figures: Sequence[float], glyphs: Glyphs, width: int, widest_step: int = 1
) -> str:
    """Return *figures* as a row of blocks; neighbours are added up to fit in *width*.

    If there are few figures, each gets up to *widest_step* columns. Only 0 gets the
    lowest block, so that a quiet day does not look like a day without visitors.
    """
    size = -(-len(figures) // max(width, 1)) or 1
    sums = [sum(figures[n : n + size]) for n in range(0, len(figures), size)]
    highest = max(sums, default=0)
    steps = len(glyphs.blocks) - 1
    levels = [-int(-figure * steps // highest) if highest else 0 for figure in sums]
    repeat = max(1, min(widest_step, width // max(len(sums), 1)))
    return "".join(glyphs.blocks[level] * repeat for level in levels)


def bar(figure: float, highest: float, glyphs: Glyphs, width: int) -> str:
    """Return a bar; *highest* has the full *width*, any positive figure at least 1."""
    if highest <= 0 or figure <= 0:
        return ""
    return glyphs.bar * max(1, round(width * figure / highest))
