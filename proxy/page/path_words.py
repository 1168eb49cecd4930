"""Words in a path segment that hint at a secret or a person in the next segment."""

import re
import unicodedata
from typing import NamedTuple

from proxy.lists import read_groups

_GROUPS = read_groups("path_words.txt")
_SECRET = _GROUPS["secret"]
_THROUGH = _GROUPS["through"]
_PERSON = _GROUPS["person"]
_CONTENT = _GROUPS["content"]
_SENSITIVE = _SECRET | _PERSON
# A segment with more words is a title, and a title can contain any word.
_MOST_WORDS = 3
_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]?|[A-Z]+|[^\W_]+")
# Digits too: order1001 is an order.
_SEPARATORS_TO_SLASH = str.maketrans(dict.fromkeys("-_.~+,=: 0123456789", "/"))
_DIGITS = re.compile("[0-9]+")


class SegmentHint(NamedTuple):
    """The kind of segment that probably follows.

    *secret*: a secret follows. *through*: a step without a secret; a secret announced
    before it still follows. *person*: a person's number follows. *content*: the number
    or code of public content follows.
    """

    secret: bool = False
    through: bool = False
    person: bool = False
    content: bool = False


_NO_HINT = SegmentHint()


def hint_of(segment: str) -> SegmentHint:
    """Return the hint that *segment* gives about the next segment."""
    words = words_of(segment)
    is_phrase = "".join(words) in _SECRET
    if not words or (len(words) > _MOST_WORDS and not is_phrase):
        return _NO_HINT
    return SegmentHint(
        secret=is_phrase or not _SECRET.isdisjoint(words),
        through=_THROUGH.issuperset(words),
        person=not _PERSON.isdisjoint(words),
        content=not _CONTENT.isdisjoint(words),
    )


def words_of(segment: str) -> list[str]:
    """Return the words of *segment* in lower case."""
    return [word.lower() for word in _WORD.findall(_unaccented(segment))]


def path_has_sensitive_word(path: str) -> bool:
    """Whether any word of *path* hints at a secret or a person."""
    return not _SENSITIVE.isdisjoint(
        _unaccented(path).lower().translate(_SEPARATORS_TO_SLASH).split("/")
    )


def has_sensitive_word(segment: str) -> bool:
    """Whether a number in *segment* would be a secret or belong to a person."""
    return not _SENSITIVE.isdisjoint(words_of(_DIGITS.sub("-", segment)))


def _unaccented(text: str) -> str:
    """Return *text* with plain letters, as the list of words spells them."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
