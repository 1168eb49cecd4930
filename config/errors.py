"""The root of every error raised on purpose: what was being done, what to do next."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class MillpondError(Exception):
    """A problem to act on: *message* says what is wrong, *hint* what to do.

    *file* is the one that is in the way, for the log: it never comes from a request.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str | None = None, file: Path | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file

    def __str__(self) -> str:
        """Return the message, and the hint on a line of its own."""
        if self.hint is None:
            return self.message
        return f"{self.message}\n  hint: {self.hint}"


class Retryable:
    """Marks an error that trying again can heal; runners look at the class alone."""


class Busy(Retryable):
    """Marks that another process is doing that very thing: nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration, and the path of its key."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return the line shown for it."""
        return f"{self.path}: {self.message}"


class ConfigError(MillpondError):
    """The configuration cannot be used; *problems* holds everything wrong with it."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"config: {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n  ".join([head, *map(str, self.problems)]), hint=hint)
