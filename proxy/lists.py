"""Reads the lists in ``proxy/data``: one entry per line, ``#`` starts a comment."""

from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).with_name("data")


def read_list(name: str) -> Iterator[str]:
    """Yield the entries of list *name*, without blank lines or comments."""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        entry = line.partition("#")[0].strip()
        if entry:
            yield entry


def read_groups(name: str) -> dict[str, frozenset[str]]:
    """Return the words of list *name* by group; a line is ``group: word word``."""
    groups: dict[str, frozenset[str]] = {}
    for entry in read_list(name):
        group, _, words = entry.partition(":")
        groups[group] = groups.get(group, frozenset()) | frozenset(words.split())
    return groups
