"""Gathers everything wrong with a question, so that one answer names it all.

A problem says where (the key path) and what (the rule and the known choices);
never the value given, which may hold anything.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, TypeGuard

from config.errors import MillpondError

_SHOWN: Final = 20
_COMPARED: Final = 64


class QueryError(MillpondError):
    """A question that cannot be answered as asked; *problems* are (key path, text)."""

    exit_code = 2

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        shown = [f"{path}: {text}" for path, text in self.problems[:_SHOWN]]
        hidden = len(self.problems) - len(shown)
        more = [f"and {hidden} more"] if hidden else []
        count = len(self.problems)
        title = f"query: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n  ".join([title, *shown, *more]))

    def json(self) -> dict[str, object]:
        """Return the problems as an error answer."""
        told = [{"key": path, "problem": text} for path, text in self.problems[:_SHOWN]]
        return {"error": self.message, "problems": told}


class Problems:
    """Collects (key path, text) while a question is read."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, path: str, text: str) -> None:
        """Note that what stands at *path* breaks the rule *text*."""
        self.found.append((path, text))

    def unknown(
        self, path: str, what: str, given: object, known: Iterable[str]
    ) -> None:
        """Note that *given* is none of *known*, naming the nearest and all of them."""
        choices = [str(choice) for choice in known]
        near = get_close_matches(given, choices, 1) if _is_short(given) else []
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        self.add(path, f"unknown {what}{hint}; known: {', '.join(choices)}")


def _is_short(given: object) -> TypeGuard[str]:
    """Return whether *given* is text that is cheap to compare with the choices."""
    return isinstance(given, str) and len(given) <= _COMPARED
