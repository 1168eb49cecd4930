"""One result of an examination: fine, to be looked at, or a finding."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity; only a finding gives the command exit code 1."""

    FINE = "fine"
    # The doctor cannot decide this; a person must check it.
    LOOK = "look"
    FINDING = "finding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of an examination; never a visitor's address, only its class."""

    level: Level
    about: str
    text: str
    hint: str | None = None


def fine(about: str, text: str) -> Finding:
    """Return a result without a problem."""
    return Finding(level=Level.FINE, about=about, text=text)


def look(about: str, text: str, hint: str | None = None) -> Finding:
    """Return a result that a person must check."""
    return Finding(level=Level.LOOK, about=about, text=text, hint=hint)


def finding(about: str, text: str, hint: str) -> Finding:
    """Return a problem, and what to do about it."""
    return Finding(level=Level.FINDING, about=about, text=text, hint=hint)
