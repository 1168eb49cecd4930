"""All problems of a query, collected so that one error names them all.

A problem names the place (the key path) and the rule, with the known choices. It
never contains the value of the caller, which may hold anything.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, TypeGuard

from config.errors import MillpondError

_MOST_SHOWN: Final = 20
_MOST_COMPARED_CHARACTERS: Final = 64


class QueryError(MillpondError):
    """A query that breaks the rules; *problems* are pairs of key path and text."""

    exit_code = 2

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        shown = [f"{path}: {text}" for path, text in self.problems[:_MOST_SHOWN]]
        hidden = len(self.problems) - len(shown)
        more = [f"and {hidden} more"] if hidden else []
        count = len(self.problems)
        title = f"query: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n  ".join([title, *shown, *more]))

    def json(self) -> dict[str, object]:
        """Return the body of the error response."""
        problems = [
            {"key": path, "problem": text} for path, text in self.problems[:_MOST_SHOWN]
        ]
        return {"error": self.message, "problems": problems}


class Problems:
    """Collects pairs of key path and text while a query is parsed."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str]] = []

    def add(self, path: str, text: str) -> None:
        """Add a problem: the value at *path* breaks the rule *text*."""
        self.items.append((path, text))

    def add_unknown(
        self, path: str, kind: str, value: object, known: Iterable[str]
    ) -> None:
        """Add a problem: *value* is not in *known*; name the closest and all of them.

        *kind* is what the value should name, such as a metric.
        """
        choices = [str(choice) for choice in known]
        close = get_close_matches(value, choices, 1) if _is_short(value) else []
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        self.add(path, f"unknown {kind}{hint}; known: {', '.join(choices)}")


def _is_short(value: object) -> TypeGuard[str]:
    """Return whether *value* is text short enough to compare with all choices."""
    return isinstance(value, str) and len(value) <= _MOST_COMPARED_CHARACTERS
