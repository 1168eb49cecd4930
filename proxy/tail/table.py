"""Formats lines of the live view: a table for people, JSON for programs."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from proxy.tail.lines import DropLine, Line, MissedLines, encode_line

_WIDTHS = {
    "time UTC": 8,
    "site": 12,
    "protocol": 10,
    "outcome": 24,
    "path": 30,
    "source": 14,
    "channel": 14,
    "country": 7,
    "browser": 12,
    "order": 5,
    "visitor": 7,
}


class TableLayout(NamedTuple):
    """The text above the lines, and the function that formats a line."""

    header: str
    row: Callable[[Line], str]


def table_row(line: Line) -> str:
    """Return *line* as a table row, or a sentence about missed lines."""
    if isinstance(line, MissedLines):
        return f"({line.count} lines were lost: they come faster than they are read)"
    time = line.at.partition("T")[2].removesuffix("Z")
    head = [time, line.site, line.protocol]
    if isinstance(line, DropLine):
        return _row([*head, f"dropped: {line.reason}", line.bot_kind])
    page = [line.name, line.path, line.source, line.channel]
    client = [line.country, line.browser]
    order = "yes" if line.order else None
    return _row([*head, *page, *client, order, None if line.visitor else "unknown"])


def _row(cells: Sequence[str | None]) -> str:
    return "  ".join(map(_fit, cells, _WIDTHS.values())).rstrip()


def _fit(cell: str | None, width: int) -> str:
    # Stored text is printable. This makes sure that no control character reaches the
    # terminal, even if that changes.
    plain = "".join(char if char.isprintable() else "?" for char in cell or "")
    return f"{plain[: width - 1]}…" if len(plain) > width else plain.ljust(width)


def _json_row(line: Line) -> str:
    return encode_line(line).decode().rstrip()


FORMS = {
    "table": TableLayout(f"{_row(list(_WIDTHS))}\n", table_row),
    "json": TableLayout("", _json_row),
}
