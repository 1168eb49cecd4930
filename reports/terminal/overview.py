"""The overview in words and signs, line by line, ready for a terminal."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from reports.answer import Answer
from reports.counting.received import ReceivedCounts
from reports.formatting import figure_text, head_text, value_text
from reports.overview import Direction, Headline, Overview, Trend, step_name
from reports.period import Period
from reports.terminal import glyphs
from reports.terminal.text import (
    BOLD,
    DIM,
    GAP,
    TableCells,
    Terminal,
    print_cells,
    widest,
)

_WIDEST_STEP: Final = 3

# Texts that stand under each other, beside others.
_Line = Sequence[Sequence[str]]


def print_overview(terminal: Terminal, overview: Overview) -> None:
    """Print what the overview holds, headline first."""
    query = overview.query
    days = days_text(query.period, terminal)
    terminal.line((query.site.id, BOLD), f"{GAP}{days}{GAP}{query.site.timezone}")
    terminal.line()
    _print_headlines(terminal, overview)
    terminal.line()
    _print_trend(terminal, overview.trend)
    for answer in overview.tables:
        terminal.line()
        print_answer(terminal, answer)


def print_answer(terminal: Terminal, answer: Answer) -> None:
    """Print the rows of *answer* as a table, and how many more there are."""
    query = answer.query
    currency = query.site.currency
    rows = [
        (
            [
                terminal.safe(value_text(each.name, value))
                for each, value in zip(query.dimensions, row.dimensions, strict=True)
            ],
            [
                figure_text(figure, metric.unit, currency)
                for metric, figure in zip(query.metrics, row.metrics, strict=True)
            ],
        )
        for row in answer.rows
    ]
    cells = TableCells(
        labels=[dimension.name.replace("_", " ") for dimension in query.dimensions],
        figures=[head_text(metric, currency) for metric in query.metrics],
        rows=rows,
        bars=[row.metrics[0] or 0 for row in answer.rows],
    )
    print_cells(terminal, cells)
    more = answer.row_count - len(answer.rows)
    if more:
        terminal.note(f"and {more:,} more; a higher --limit shows them")


def _print_headlines(terminal: Terminal, overview: Overview) -> None:
    """Print label, figure and change under each other, beside each other as fits."""
    currency = overview.query.site.currency
    columns = [_headline(terminal, each, currency) for each in overview.headlines]
    for line in _evenly(columns, terminal.width):
        for n, style in enumerate((DIM, BOLD, "")):
            cells = [terminal.left(column[n], widest(column)) for column in line]
            terminal.line((GAP.join(cells), style))
    terminal.note(f"compared with {days_text(overview.before, terminal)}")


def _evenly(columns: _Line, width: int) -> Sequence[_Line]:
    """Return *columns* in as few lines as fit, about as many on each."""
    lines = [columns]
    while any(_width(line) > width for line in lines) and len(lines) < len(columns):
        lines = _dealt(columns, len(lines) + 1)
    return lines


def _dealt(columns: _Line, count: int) -> list[_Line]:
    """Return *columns* in *count* lines, about as many on each."""
    ends = [-(-len(columns) * n // count) for n in range(count + 1)]
    return [columns[start:end] for start, end in pairwise(ends)]


def _width(line: _Line) -> int:
    return sum(map(widest, line)) + len(GAP) * (len(line) - 1)


def _headline(
    terminal: Terminal, headline: Headline, currency: str
) -> tuple[str, str, str]:
    metric = headline.metric
    figure = figure_text(headline.figure, metric.unit, currency)
    return (
        head_text(metric, currency),
        figure or terminal.signs.none,
        _change(terminal, headline),
    )


def _change(terminal: Terminal, headline: Headline) -> str:
    direction, text = headline.change()
    arrows = {Direction.UP: terminal.signs.up, Direction.DOWN: terminal.signs.down}
    return f"{arrows[direction]} {text}" if direction in arrows else text


def _print_trend(terminal: Terminal, trend: Trend) -> None:
    """Print the sparkline with what its ends and its highest step are."""
    names = [step_name(trend.step, label) for label in trend.labels]
    line = glyphs.sparkline(trend.figures, terminal.signs, terminal.width, _WIDEST_STEP)
    most = max(trend.figures)
    at = names[trend.figures.index(most)]
    terminal.note(f"{trend.metric.label} by {trend.step}, most {most:,} ({at})")
    terminal.line(line)
    if len(names) > 1:
        gap = len(line) - widest([names[0]]) - widest([names[-1]])
        terminal.line((names[0] + " " * max(gap, len(GAP)) + names[-1], DIM))


def days_text(period: Period, terminal: Terminal) -> str:
    """Return the first and last day of *period*, and how many there are."""
    if period.days == 1:
        return period.first.isoformat()
    return f"{period.first} {terminal.signs.to} {period.last} ({period.days:,} days)"


def print_received(terminal: Terminal, received: ReceivedCounts) -> None:
    """Print the counts by reason, and that they add up."""
    days = days_text(received.period, terminal)
    terminal.line((received.site.id, BOLD), f"  {days}  {received.site.timezone}")
    terminal.line()
    terminal.line(received_text(received))
    if received.reasons:
        terminal.line()
        rows = [([reason], [f"{count:,}"]) for reason, count in received.reasons]
        counts = [float(count) for _, count in received.reasons]
        print_cells(terminal, TableCells(["reason"], ["hits"], rows, counts))
    if received.suspect_sessions:
        terminal.line()
        terminal.line(suspect_text(received))
    terminal.line()
    terminal.note("objections (opt-out, GPC, DNT) leave no trace, so no count")


def received_text(received: ReceivedCounts) -> str:
    """Return the sum that always holds, in one line."""
    return (
        f"received {received.total:,} = stored {received.stored:,}"
        f" + duplicate {received.duplicate:,} + dropped {received.dropped:,}"
    )


def suspect_text(received: ReceivedCounts) -> str:
    """Return what is stored but kept out of every figure."""
    sessions = received.suspect_sessions
    return (
        f"{sessions:,} suspect session{'s' if sessions != 1 else ''}"
        f" ({received.suspect_events:,} events) kept out of every figure"
    )
