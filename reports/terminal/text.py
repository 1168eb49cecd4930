"""Aligned lines for a terminal, a pipe or a mail; the only door to Rich.

Drawn for the width there is. Where the output cannot carry more than ASCII, every
sign has an ASCII form; colour is for terminals only, and never the only hint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from reports.terminal import glyphs

GAP: Final = "  "
BOLD: Final = "bold"
DIM: Final = "dim"

_MIN_WIDTH: Final = 40
_MIN_LABEL: Final = 8
_MAX_LABEL: Final = 60
_LEAST_BAR: Final = 8
_MOST_BAR: Final = 20


class Terminal:
    """A place to print on: its width, its colours and the signs it can show."""

    def __init__(self, stream: IO[str], width: int | None = None) -> None:
        self._console = Console(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        encoding = getattr(stream, "encoding", None) or "utf-8"
        self._ascii = not encoding.lower().startswith("utf")
        self.signs = glyphs.ASCII if self._ascii else glyphs.UNICODE
        self.width = max(self._console.width, _MIN_WIDTH)

    def safe(self, text: str) -> str:
        """Return *text* in signs the page can show."""
        if not self._ascii:
            return text
        return text.encode("ascii", "backslashreplace").decode("ascii")

    def left(self, text: str, width: int) -> str:
        """Return *text* cut or filled up to *width* columns."""
        if cell_len(text) <= width:
            return set_cell_size(text, width)
        return set_cell_size(text, width - 1) + self.signs.cut

    def right(self, text: str, width: int) -> str:
        """Return *text* pushed right within *width* columns."""
        return " " * (width - cell_len(text)) + text

    def line(self, *parts: str | tuple[str, str]) -> None:
        """Print one line of texts and (text, style) pairs, never broken."""
        text = Text.assemble(*parts)
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a sentence beside the figures, broken between words."""
        self._console.print(Text(text, style=DIM))


def widest(texts: Sequence[str]) -> int:
    """Return the columns the widest of *texts* takes."""
    return max(map(cell_len, texts), default=0)


def print_warnings(terminal: Terminal, warnings: Sequence[str]) -> None:
    """Print what is wrong behind the figures, before them."""
    for each in warnings:
        terminal.line((terminal.safe(f"warning: {each}"), BOLD))
    if warnings:
        terminal.line()


@dataclass(frozen=True, slots=True)
class TableCells:
    """The texts of a table: a head and rows, labels left and figures right."""

    labels: Sequence[str]
    figures: Sequence[str]
    rows: Sequence[tuple[Sequence[str], Sequence[str]]]
    bars: Sequence[float] = ()


def print_cells(terminal: Terminal, cells: TableCells) -> None:
    """Print *cells* aligned; labels are cut before a figure would be."""
    right = [
        widest([head, *(figures[n] for _, figures in cells.rows)])
        for n, head in enumerate(cells.figures)
    ]
    wanted = [
        widest([head, *(labels[n] for labels, _ in cells.rows)])
        for n, head in enumerate(cells.labels)
    ]
    left = _label_widths(terminal, wanted, right)
    width = sum(left) + sum(right) + len(GAP) * (len(left) + len(right) - 1)
    bars = _bars(terminal, cells, terminal.width - width - len(GAP))
    terminal.line((_joined(terminal, cells.labels, left, cells.figures, right), BOLD))
    terminal.line((terminal.signs.rule * width, DIM))
    for (labels, figures), bar in zip(cells.rows, bars, strict=True):
        terminal.line(_joined(terminal, labels, left, figures, right), (GAP + bar, DIM))


def _label_widths(
    terminal: Terminal, wanted: list[int], figures: list[int]
) -> list[int]:
    """Return the widths of the labels, so that the figures fit beside them."""
    room = terminal.width - sum(figures) - len(GAP) * (len(figures) + len(wanted) - 1)
    share = max(room // max(len(wanted), 1), _MIN_LABEL)
    return [min(width, share, _MAX_LABEL) for width in wanted]


def _joined(
    terminal: Terminal,
    labels: Sequence[str],
    left: Sequence[int],
    figures: Sequence[str],
    right: Sequence[int],
) -> str:
    cells = [
        terminal.left(text, width) for text, width in zip(labels, left, strict=True)
    ]
    cells += [terminal.right(text, n) for text, n in zip(figures, right, strict=True)]
    return GAP.join(cells)


def _bars(terminal: Terminal, cells: TableCells, room: int) -> list[str]:
    """Return a bar for each row where there is room and something to compare."""
    if room < _LEAST_BAR or len(cells.bars) <= 1:
        return [""] * len(cells.rows)
    most = max(cells.bars)
    width = min(room, _MOST_BAR)
    return [glyphs.bar(figure, most, terminal.signs, width) for figure in cells.bars]
