"""The overview in words and signs, line by line, ready for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Final

from reports import signs
from reports.answer import Answer
from reports.overview import Direction, Headline, Overview, Trend, step_name
from reports.period import Period
from reports.text import BOLD, DIM, GAP, Cells, Page, print_cells, widest
from reports.wording import figure_text, head_text, value_text

_WIDEST_STEP: Final = 3


def print_overview(page: Page, overview: Overview) -> None:
    """Print what the overview holds, headline first."""
    query = overview.query
    days = days_text(query.period, page)
    page.line((query.site.id, BOLD), f"{GAP}{days}{GAP}{query.site.timezone}")
    page.line()
    _print_headlines(page, overview)
    page.line()
    _print_trend(page, overview.trend)
    for answer in overview.tables:
        page.line()
        print_answer(page, answer)


def print_answer(page: Page, answer: Answer) -> None:
    """Print the rows of *answer* as a table, and how many more there are."""
    query = answer.query
    currency = query.site.currency
    rows = [
        (
            [
                page.safe(value_text(each.name, value))
                for each, value in zip(query.dimensions, row.dimensions, strict=True)
            ],
            [
                figure_text(figure, metric.unit, currency)
                for metric, figure in zip(query.metrics, row.metrics, strict=True)
            ],
        )
        for row in answer.rows
    ]
    cells = Cells(
        labels=[dimension.name.replace("_", " ") for dimension in query.dimensions],
        figures=[head_text(metric, currency) for metric in query.metrics],
        rows=rows,
        bars=[row.metrics[0] or 0 for row in answer.rows],
    )
    print_cells(page, cells)
    more = answer.row_count - len(answer.rows)
    if more:
        page.note(f"and {more:,} more; a higher --limit shows them")


def _print_headlines(page: Page, overview: Overview) -> None:
    """Print label, figure and change under each other, as many beside as fit."""
    currency = overview.query.site.currency
    columns = [_headline(page, each, currency) for each in overview.headlines]
    for line in _filled(columns, page.width):
        for n, style in enumerate((DIM, BOLD, "")):
            cells = [page.left(column[n], _width(column)) for column in line]
            page.line(("".join(cells), style))
    page.note(f"compared with {days_text(overview.before, page)}")


def _filled(
    columns: Sequence[Sequence[str]], width: int
) -> Iterator[list[Sequence[str]]]:
    """Yield as many *columns* at once as fit beside each other."""
    line: list[Sequence[str]] = []
    for column in columns:
        if line and sum(map(_width, [*line, column])) > width:
            yield line
            line = []
        line.append(column)
    yield line


def _width(column: Sequence[str]) -> int:
    return widest(column) + len(GAP) + 1


def _headline(page: Page, headline: Headline, currency: str) -> tuple[str, str, str]:
    metric = headline.metric
    figure = figure_text(headline.figure, metric.unit, currency)
    return (
        head_text(metric, currency),
        figure or page.signs.none,
        _change(page, headline),
    )


def _change(page: Page, headline: Headline) -> str:
    direction, text = headline.change()
    arrows = {Direction.UP: page.signs.up, Direction.DOWN: page.signs.down}
    return f"{arrows[direction]} {text}" if direction in arrows else text


def _print_trend(page: Page, trend: Trend) -> None:
    """Print the sparkline with what its ends and its highest step are."""
    names = [step_name(trend.step, label) for label in trend.labels]
    line = signs.sparkline(trend.figures, page.signs, page.width, _WIDEST_STEP)
    most = max(trend.figures)
    at = names[trend.figures.index(most)]
    page.note(f"{trend.metric.label} by {trend.step}, most {most:,} ({at})")
    page.line(line)
    if len(names) > 1:
        gap = len(line) - widest([names[0]]) - widest([names[-1]])
        page.line((names[0] + " " * max(gap, len(GAP)) + names[-1], DIM))


def days_text(period: Period, page: Page) -> str:
    """Return the first and last day of *period*, and how many there are."""
    if period.days == 1:
        return period.first.isoformat()
    return f"{period.first} {page.signs.to} {period.last} ({period.days:,} days)"
