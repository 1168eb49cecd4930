"""What an examination says of one thing: fine, to be looked at, or found wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; only a finding makes the command end with 1."""

    FINE = "fine"
    # What cannot be judged from here, and has to be by a person.
    LOOK = "look"
    FINDING = "finding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of an examination; never an address, only what class it is of."""

    level: Level
    about: str
    text: str
    hint: str | None = None


def fine(about: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(level=Level.FINE, about=about, text=text)


def look(about: str, text: str, hint: str | None = None) -> Finding:
    """Return what a person has to look at."""
    return Finding(level=Level.LOOK, about=about, text=text, hint=hint)


def finding(about: str, text: str, hint: str) -> Finding:
    """Return what is wrong, and what to do."""
    return Finding(level=Level.FINDING, about=about, text=text, hint=hint)
