"""Prints the overview, answers and received counts in a terminal."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from reports.answer import Answer, ResultRow
from reports.counting.received import ReceivedCounts
from reports.formatting import figure_text, head_text, value_text
from reports.overview import Direction, Headline, Overview, Trend, step_name
from reports.period import Period
from reports.query import Query
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
from warehouse.unknown_sites import protocols_text

_WIDEST_STEP: Final = 3

# The texts of one headline, one below the other.
_Column = Sequence[str]


def print_overview(terminal: Terminal, overview: Overview) -> None:
    """Print the headlines, then the trend, then the tables."""
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
    """Print the rows of *answer* as a table, and the number of further rows."""
    query = answer.query
    currency = query.site.currency
    cells = TableCells(
        labels=[dimension.name.replace("_", " ") for dimension in query.dimensions],
        figures=[head_text(metric, currency) for metric in query.metrics],
        rows=[_row_texts(terminal, query, row) for row in answer.rows],
        bars=[row.metrics[0] or 0 for row in answer.rows],
    )
    print_cells(terminal, cells)
    more = answer.row_count - len(answer.rows)
    if more:
        terminal.note(f"and {more:,} more; use a higher --limit to see them")


def _row_texts(
    terminal: Terminal, query: Query, row: ResultRow
) -> tuple[list[str], list[str]]:
    """Return the labels and the figures of one row."""
    labels = [
        terminal.safe(value_text(dimension.name, value))
        for dimension, value in zip(query.dimensions, row.dimensions, strict=True)
    ]
    figures = [
        figure_text(figure, metric.unit, query.site.currency)
        for metric, figure in zip(query.metrics, row.metrics, strict=True)
    ]
    return labels, figures


def _print_headlines(terminal: Terminal, overview: Overview) -> None:
    """Print the headlines in columns; each has its label, its figure and its change."""
    currency = overview.query.site.currency
    columns = [
        _headline(terminal, headline, currency) for headline in overview.headlines
    ]
    for group in _fit(columns, terminal.width):
        for n, style in enumerate((DIM, BOLD, "")):
            cells = [terminal.left(column[n], widest(column)) for column in group]
            terminal.line((GAP.join(cells), style))
    terminal.note(
        f"compared with {days_text(overview.before, terminal)}{_end(overview)}"
    )


def _end(overview: Overview) -> str:
    """Return until when the last day of the comparison counts, if it is cut."""
    until = overview.before_until
    if until is None:
        return ""
    day = "" if overview.before.days == 1 else ", the last day"
    return f"{day} until {until:%H:%M}"


def _fit(columns: Sequence[_Column], width: int) -> list[Sequence[_Column]]:
    """Split *columns* into as few groups as possible that all fit in *width*."""
    groups = [columns]
    while any(_width(group) > width for group in groups) and len(groups) < len(columns):
        groups = _split_evenly(columns, len(groups) + 1)
    return groups


def _split_evenly(columns: Sequence[_Column], count: int) -> list[Sequence[_Column]]:
    ends = [-(-len(columns) * n // count) for n in range(count + 1)]
    return [columns[start:end] for start, end in pairwise(ends)]


def _width(columns: Sequence[_Column]) -> int:
    return sum(map(widest, columns)) + len(GAP) * (len(columns) - 1)


def _headline(
    terminal: Terminal, headline: Headline, currency: str
) -> tuple[str, str, str]:
    metric = headline.metric
    figure = figure_text(headline.figure, metric.unit, currency)
    return (
        head_text(metric, currency),
        figure or terminal.glyphs.none,
        _change(terminal, headline),
    )


def _change(terminal: Terminal, headline: Headline) -> str:
    direction, text = headline.change()
    arrows = {Direction.UP: terminal.glyphs.up, Direction.DOWN: terminal.glyphs.down}
    return f"{arrows[direction]} {text}" if direction in arrows else text


def _print_trend(terminal: Terminal, trend: Trend) -> None:
    """Print the sparkline with its highest figure and the names of its ends."""
    names = [step_name(trend.step, label) for label in trend.labels]
    line = glyphs.sparkline(
        trend.figures, terminal.glyphs, terminal.width, _WIDEST_STEP
    )
    highest = max(trend.figures)
    at = names[trend.figures.index(highest)]
    terminal.note(f"{trend.metric.label} by {trend.step}, highest {highest:,} ({at})")
    terminal.line(line)
    if len(names) > 1:
        gap = len(line) - widest([names[0]]) - widest([names[-1]])
        terminal.line((names[0] + " " * max(gap, len(GAP)) + names[-1], DIM))


def days_text(period: Period, terminal: Terminal) -> str:
    """Return the first and last day of *period*, and the number of days."""
    if period.days == 1:
        return period.first.isoformat()
    return f"{period.first} {terminal.glyphs.to} {period.last} ({period.days:,} days)"


def print_received(terminal: Terminal, received: ReceivedCounts) -> None:
    """Print the received hits, as a sum and by reason."""
    days = days_text(received.period, terminal)
    terminal.line((received.site.id, BOLD), f"  {days}  {received.site.timezone}")
    terminal.line()
    terminal.line(received_text(received))
    _print_counts(terminal, "reason", received.reasons)
    _print_counts(terminal, "bot", received.bot_kinds)
    if received.suspect_sessions:
        terminal.line()
        terminal.line(suspect_text(received))
    terminal.line()
    if received.unknown:
        terminal.note(unknown_text(received))
    terminal.note(
        "visitors who object (opt-out, GPC, DNT) are not counted here: nothing about"
        " them is recorded"
    )


def _print_counts(
    terminal: Terminal, label: str, counts: Sequence[tuple[str, int]]
) -> None:
    """Print *counts* as a table with the head *label*; nothing if there are none."""
    if not counts:
        return
    terminal.line()
    rows = [([terminal.safe(name)], [f"{count:,}"]) for name, count in counts]
    bars = [float(count) for _, count in counts]
    print_cells(terminal, TableCells([label], ["hits"], rows, bars))


def received_text(received: ReceivedCounts) -> str:
    """Return the received hits as a sum, in one line."""
    return (
        f"received {received.total:,} = stored {received.stored:,}"
        f" + duplicate {received.duplicate:,} + dropped {received.dropped:,}"
    )


def unknown_text(received: ReceivedCounts) -> str:
    """Return how many hits named none of the sites; nobody knows which name."""
    counts = dict(received.unknown)
    return (
        f"also arrived, for no site: {sum(counts.values()):,} hits with an unknown key"
        f" or domain ({protocols_text(counts)}); see `millpond proxy doctor`"
    )


def suspect_text(received: ReceivedCounts) -> str:
    """Return the number of stored sessions that no figure includes."""
    sessions = received.suspect_sessions
    are = "sessions" if sessions != 1 else "session"
    return (
        f"not in any figure: {sessions:,} suspect {are}"
        f" ({received.suspect_events:,} events)"
    )
