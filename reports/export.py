"""Answers as files for other programs: JSON or CSV.

Values in a CSV come from unknown senders and are opened in spreadsheets. A value that
a spreadsheet could run as a formula gets an apostrophe in front. A value that already
starts with that apostrophe gets a second one, so a reader can remove one again.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reports.answer import Answer, Figure
from reports.counting.received import BOT, ReceivedCounts

# Full-width characters too: some spreadsheets normalise them when they open a file.
_FORMULA: Final = re.compile(r"[\s'\0]*[=+\-@|%＝＋－＠]|'*[\t\r\n\0]")  # noqa: RUF001
_GUARD: Final = "'"


def escape_formula(value: str) -> str:
    """Return *value* in a form that no spreadsheet runs as a formula."""
    return _GUARD + value if _FORMULA.match(value) else value


def answer_csv(answer: Answer) -> str:
    """Return the rows as CSV with a header; texts are quoted, numbers are not."""
    query = answer.query
    names = [dimension.name for dimension in query.dimensions]
    names += [metric.name for metric in query.metrics]
    return _csv(names, ((*row.dimensions, *row.metrics) for row in answer.rows))


def received_csv(received: ReceivedCounts) -> str:
    """Return the counts by reason as CSV; the first row counts the stored events.

    Bots have a row for each kind.
    """
    reasons = [("stored", received.stored), *received.reasons]
    rows = [(reason, count, None) for reason, count in reasons if reason != BOT]
    bots = [(BOT, count, kind) for kind, count in received.bot_kinds]
    return _csv(["reason", "count", "bot_kind"], [*rows, *bots])


def rows_csv(rows: Iterable[Mapping[str, str | Figure]], head: Sequence[str]) -> str:
    """Return *rows* as CSV with the columns of *head*."""
    return _csv(head, ([row[name] for name in head] for row in rows))


def json_text(value: dict[str, object]) -> str:
    """Return *value* as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _csv(head: Sequence[str], rows: Iterable[Sequence[str | Figure]]) -> str:
    out = io.StringIO()
    # A quoted text stays in one cell, whatever separator the spreadsheet expects.
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow(map(_cell, row))
    return out.getvalue()


def _cell(value: str | Figure) -> str | int | float:
    if value is None:
        return ""
    return escape_formula(value) if isinstance(value, str) else value
