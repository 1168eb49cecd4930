"""Aligned lines for a terminal, a pipe or a mail; the only door to Rich.

Lines fit the width of the terminal. If the encoding has only ASCII characters, every
glyph has an ASCII form. Only terminals get colours, and colour never carries a meaning
alone.
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
_MIN_BAR: Final = 8
_MAX_BAR: Final = 20


class Terminal:
    """The output stream with its width, its colours and its glyphs."""

    def __init__(self, stream: IO[str], width: int | None = None) -> None:
        self._console = Console(
            file=stream, width=width, highlight=False, markup=False, emoji=False
        )
        encoding = getattr(stream, "encoding", None) or "utf-8"
        self._ascii = not encoding.lower().startswith("utf")
        self.glyphs = glyphs.ASCII if self._ascii else glyphs.UNICODE
        self.width = max(self._console.width, _MIN_WIDTH)

    def safe(self, text: str) -> str:
        """Return *text* in characters that the encoding has."""
        if not self._ascii:
            return text
        return text.encode("ascii", "backslashreplace").decode("ascii")

    def left(self, text: str, width: int) -> str:
        """Return *text* cut or padded to *width* columns, aligned left."""
        if cell_len(text) <= width:
            return set_cell_size(text, width)
        return set_cell_size(text, width - 1) + self.glyphs.cut

    def right(self, text: str, width: int) -> str:
        """Return *text* padded to *width* columns, aligned right."""
        return " " * (width - cell_len(text)) + text

    def line(self, *parts: str | tuple[str, str]) -> None:
        """Print texts and (text, style) pairs as one line, without line breaks."""
        text = Text.assemble(*parts)
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a dim sentence, with line breaks between words."""
        self._console.print(Text(text, style=DIM))


def widest(texts: Sequence[str]) -> int:
    """Return the number of columns of the widest of *texts*."""
    return max(map(cell_len, texts), default=0)


def print_warnings(terminal: Terminal, warnings: Sequence[str]) -> None:
    """Print the warnings, which come before the figures."""
    for warning in warnings:
        terminal.line((terminal.safe(f"warning: {warning}"), BOLD))
    if warnings:
        terminal.line()


@dataclass(frozen=True, slots=True)
class TableCells:
    """The texts of a table: a head and rows, with labels first and then figures."""

    labels: Sequence[str]
    figures: Sequence[str]
    rows: Sequence[tuple[Sequence[str], Sequence[str]]]
    bars: Sequence[float] = ()


def print_cells(terminal: Terminal, cells: TableCells) -> None:
    """Print *cells* aligned; if there is no room, labels are cut, figures never."""
    figure_widths = [
        widest([head, *(figures[n] for _, figures in cells.rows)])
        for n, head in enumerate(cells.figures)
    ]
    full_label_widths = [
        widest([head, *(labels[n] for labels, _ in cells.rows)])
        for n, head in enumerate(cells.labels)
    ]
    label_widths = _label_widths(terminal, full_label_widths, figure_widths)
    widths = [*label_widths, *figure_widths]
    width = sum(widths) + len(GAP) * (len(widths) - 1)
    bars = _bars(terminal, cells, terminal.width - width - len(GAP))
    terminal.line((_row(terminal, cells.labels, cells.figures, widths), BOLD))
    terminal.line((terminal.glyphs.rule * width, DIM))
    for (labels, figures), bar in zip(cells.rows, bars, strict=True):
        terminal.line(_row(terminal, labels, figures, widths), (GAP + bar, DIM))


def _label_widths(
    terminal: Terminal, full_widths: list[int], figures: list[int]
) -> list[int]:
    """Return the widths of the labels that leave enough room for the figures."""
    gaps = len(GAP) * (len(figures) + len(full_widths) - 1)
    room = terminal.width - sum(figures) - gaps
    share = max(room // max(len(full_widths), 1), _MIN_LABEL)
    return [min(width, share, _MAX_LABEL) for width in full_widths]


def _row(
    terminal: Terminal,
    labels: Sequence[str],
    figures: Sequence[str],
    widths: Sequence[int],
) -> str:
    left, right = widths[: len(labels)], widths[len(labels) :]
    cells = [terminal.left(text, n) for text, n in zip(labels, left, strict=True)]
    cells += [terminal.right(text, n) for text, n in zip(figures, right, strict=True)]
    return GAP.join(cells)


def _bars(terminal: Terminal, cells: TableCells, room: int) -> list[str]:
    """Return a bar for each row, or empty texts if there is no room or only one row."""
    if room < _MIN_BAR or len(cells.bars) <= 1:
        return [""] * len(cells.rows)
    highest = max(cells.bars)
    width = min(room, _MAX_BAR)
    return [
        glyphs.bar(figure, highest, terminal.glyphs, width) for figure in cells.bars
    ]
