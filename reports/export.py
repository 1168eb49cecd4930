"""An answer as a file that other programs read: JSON or CSV.

Values in a CSV come from strangers and are opened in spreadsheets, so whatever a
spreadsheet could take for a formula gets an apostrophe in front; a value that
already looks so gets one more, and a reader can take it off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reports.answer import Answer, Figure
from reports.counting.received import ReceivedCounts

# The full-width signs count too: some spreadsheets normalise them on opening.
_FORMULA: Final = re.compile(r"[\s'\0]*[=+\-@|%＝＋－＠]|'*[\t\r\n\0]")  # noqa: RUF001
_GUARD: Final = "'"


def guarded(value: str) -> str:
    """Return *value* so that no spreadsheet takes it for a formula."""
    return _GUARD + value if _FORMULA.match(value) else value


def answer_csv(answer: Answer) -> str:
    """Return the rows as CSV with a header; texts are quoted, numbers are not."""
    query = answer.query
    names = [dimension.name for dimension in query.dimensions]
    names += [metric.name for metric in query.metrics]
    return _csv(names, ((*row.dimensions, *row.metrics) for row in answer.rows))


def received_csv(received: ReceivedCounts) -> str:
    """Return the counts by reason as CSV, what was stored among them."""
    return _csv(["reason", "count"], [("stored", received.stored), *received.reasons])


def lines_csv(lines: Iterable[Mapping[str, str | Figure]], head: Sequence[str]) -> str:
    """Return *lines* as CSV with the columns of *head*."""
    return _csv(head, ([line[name] for name in head] for line in lines))


def json_text(value: dict[str, object]) -> str:
    """Return *value* as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _csv(head: Sequence[str], rows: Iterable[Sequence[str | Figure]]) -> str:
    out = io.StringIO()
    # Quoting every text keeps one value one cell whatever the separator in use.
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        cells = (guarded(each) if isinstance(each, str) else each for each in row)
        writer.writerow("" if cell is None else cell for cell in cells)
    return out.getvalue()
