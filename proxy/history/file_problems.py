"""What an import reports about each file: lines it could not read, absent addresses.

A message names a file and the numbers of its lines, and never quotes a line.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from config.errors import MillpondError
from proxy.history.progress import FileProgress

_FORMATS_HINT = (
    'docs/import.md, "Log formats", lists the formats; unpack other archives first'
)


class ReadFile(NamedTuple):
    """One imported file, what was found in it, and the title of its format.

    *title* is None if the format was not recognised.
    """

    path: Path
    progress: FileProgress
    title: str | None


class UnknownFormatError(MillpondError):
    """No line of a file could be read."""

    def __init__(self, paths: Sequence[Path]) -> None:
        names = ", ".join(map(str, paths))
        super().__init__(
            f"import {names}: no line is readable",
            hint=_FORMATS_HINT,
        )


class MostlyUnreadableError(MillpondError):
    """Most lines of a file could not be read."""

    def __init__(self, file: ReadFile) -> None:
        progress = file.progress
        unreadable = progress.lines - progress.readable
        super().__init__(
            f"import {file.path}: {unreadable:,} of {progress.lines:,} lines are"
            f" unreadable, {_first_lines(progress)}",
            hint=_FORMATS_HINT,
        )


class NoAddressError(MillpondError):
    """Most page views of a file have no address of a visitor."""

    def __init__(self, file: ReadFile) -> None:
        progress = file.progress
        super().__init__(
            f"import {file.path}: {progress.no_address:,} of {progress.views:,} page"
            " views have no address of a visitor; they count without visitors",
            hint='see docs/import.md, "Addresses": host names, and private addresses'
            " behind a proxy, are unknown visitors",
        )


def file_problems(files: Sequence[ReadFile]) -> Iterator[MillpondError]:
    """Yield the problems of *files* that leave figures out."""
    unknown = []
    for file in files:
        progress = file.progress
        unreadable = progress.lines - progress.readable
        if progress.lines and not progress.readable:
            unknown.append(file.path)
        elif unreadable > progress.readable:
            yield MostlyUnreadableError(file)
        if 2 * progress.no_address > progress.views:
            yield NoAddressError(file)
    if unknown:
        yield UnknownFormatError(unknown)


def formats(files: Sequence[ReadFile]) -> Iterator[str]:
    """Yield the format of each file."""
    for file in files:
        yield f"{file.path}: {file.title or 'no known format'}"


def unreadable_lines(files: Sequence[ReadFile]) -> Iterator[str]:
    """Yield for each file the numbers of the first lines that were unreadable."""
    for file in files:
        if file.progress.unreadable:
            yield f"unreadable in {file.path}: {_first_lines(file.progress)}"


def _first_lines(progress: FileProgress) -> str:
    numbers = progress.unreadable
    named = ", ".join(map(str, numbers))
    more = progress.lines - progress.readable - len(numbers)
    text = f"line {named}" if len(numbers) == 1 else f"lines {named}"
    return f"{text} and {more:,} more" if more > 0 else text
