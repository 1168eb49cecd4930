"""Lines of a live view as a person or a program reads them."""

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
}


class TableLayout(NamedTuple):
    """What stands above the lines, and how each is written."""

    header: str
    row: Callable[[Line], str]


def table_row(line: Line) -> str:
    """Return *line* as a row, or the sentence that stands for lines that were lost."""
    if isinstance(line, MissedLines):
        return f"({line.count} lines were lost: they come faster than they are read)"
    time = line.at.partition("T")[2].removesuffix("Z")
    head = [time, line.site, line.protocol]
    if isinstance(line, DropLine):
        return _row([*head, f"dropped: {line.reason}"])
    told = [line.name, line.path, line.source, line.channel, line.country, line.browser]
    return _row([*head, *told, "yes" if line.order else None])


def _row(cells: Sequence[str | None]) -> str:
    fitted = map(_fitted, cells, _WIDTHS.values())
    return "  ".join(fitted).rstrip()


def _fitted(cell: str | None, width: int) -> str:
    # What is stored is printable; a screen obeys the rest, so it is seen to here too.
    plain = "".join(each if each.isprintable() else "?" for each in cell or "")
    return f"{plain[: width - 1]}…" if len(plain) > width else plain.ljust(width)


def _json_row(line: Line) -> str:
    return encode_line(line).decode().rstrip()


FORMS = {
    "table": TableLayout(f"{_row(list(_WIDTHS))}\n", table_row),
    "json": TableLayout("", _json_row),
}
