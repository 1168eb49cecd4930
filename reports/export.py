"""An answer as a file that other programs read: JSON or CSV.

Values in a CSV come from strangers and are opened in spreadsheets, so whatever a
spreadsheet could take for a formula gets an apostrophe in front; a value that
already looks so gets one more, and ``unguarded`` can take it off again.
"""

import csv
import io
import re
from typing import Final

import msgspec

from reports.answer import Answer

# The full-width signs count too: some spreadsheets normalise them on opening.
_FORMULA: Final = re.compile(r"[\s'\0]*[=+\-@|%＝＋－＠]|'*[\t\r\n\0]")  # noqa: RUF001
_GUARD: Final = "'"


def guarded(value: str) -> str:
    """Return *value* so that no spreadsheet takes it for a formula."""
    return _GUARD + value if _FORMULA.match(value) else value


def unguarded(cell: str) -> str:
    """Return the value that ``guarded`` was given."""
    return cell[1:] if cell.startswith(_GUARD) and _FORMULA.match(cell[1:]) else cell


def csv_text(answer: Answer) -> str:
    """Return the rows as CSV with a header; texts are quoted, numbers are not."""
    query = answer.query
    out = io.StringIO()
    # Quoting every text keeps one value one cell whatever the separator in use.
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    names = [dimension.name for dimension in query.dimensions]
    writer.writerow([*names, *(metric.name for metric in query.metrics)])
    for row in answer.rows:
        writer.writerow([*map(guarded, row.dimensions), *row.metrics])
    return out.getvalue()


def json_text(answer: Answer) -> str:
    """Return the answer as indented JSON, the same as the API gives."""
    text = msgspec.json.format(msgspec.json.encode(answer.json()), indent=2)
    return text.decode() + "\n"
