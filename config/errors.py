"""The base class of every error that Millpond raises on purpose.

Its message names the operation and the problem, its hint the next step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class MillpondError(Exception):
    """A problem that a person can act on.

    *message* says what is wrong, *hint* what to do next. *file* is the file that
    causes the problem, for the log; it never comes from a request.
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
        """Return the message, and the hint on a second line."""
        if self.hint is None:
            return self.message
        return f"{self.message}\n  hint: {self.hint}"


class Retryable:
    """Marks an error that a later attempt may not meet.

    The code that runs jobs looks only at this class to decide on another attempt.
    """


class Busy(Retryable):
    """Marks that another process is doing the same work: nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the configuration, with the path of its key."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return the line that is shown to the user."""
        return f"{self.path}: {self.message}"


class ConfigError(MillpondError):
    """The configuration cannot be used; *problems* holds all its problems."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"config: {count} problem{'' if count == 1 else 's'}"
        super().__init__("\n  ".join([head, *map(str, self.problems)]), hint=hint)
