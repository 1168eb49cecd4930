"""What a path segment says about the one that follows it."""

import re
from typing import NamedTuple

from proxy.lists import read_groups

_GROUPS = read_groups("path_words.txt")
_SECRET = _GROUPS["secret"]
_THROUGH = _GROUPS["through"]
_PERSON = _GROUPS["person"]
_CONTENT = _GROUPS["content"]
_TELLING = _SECRET | _PERSON
# Longer segments are titles, and titles speak of anything.
_MOST_WORDS = 3
_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]?|[A-Z]+|[^\W_]+")
_APART = str.maketrans(dict.fromkeys("-_.~+,=: ", "/"))


class SegmentHint(NamedTuple):
    """What kind of segment is to come after this one."""

    secret: bool = False
    through: bool = False
    person: bool = False
    content: bool = False


_NOTHING = SegmentHint()


def promise(segment: str) -> SegmentHint:
    """Return what *segment* says of the next one."""
    words = words_of(segment)
    if not words or len(words) > _MOST_WORDS:
        return _NOTHING
    return SegmentHint(
        secret=not _SECRET.isdisjoint((*words, "".join(words))),
        through=_THROUGH.issuperset(words),
        person=not _PERSON.isdisjoint(words),
        content=not _CONTENT.isdisjoint(words),
    )


def words_of(segment: str) -> list[str]:
    """Return the words of *segment* in lower case."""
    return [word.lower() for word in _WORD.findall(segment)]


def promises_nothing(path: str) -> bool:
    """Whether no word of *path*, in whatever place, says that a secret follows."""
    return _TELLING.isdisjoint(path.lower().translate(_APART).split("/"))


def speaks_of_person(segment: str) -> bool:
    """Whether a number within *segment* would be a secret or a person's."""
    return not _TELLING.isdisjoint(words_of(segment))
