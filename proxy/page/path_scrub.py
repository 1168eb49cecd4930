"""Cuts what is secret or personal out of a page's path, and keeps the rest.

A cut segment is replaced by what it was: ``:token``, ``:id``, ``:email`` … The rules
and what they miss are in docs/decisions/0030-path-scrubbing.md.
"""

import re
from collections.abc import Iterable, Sequence

from proxy.page.path_words import (
    SegmentHint,
    promise,
    promises_nothing,
    speaks_of_person,
)
from proxy.pii.detect import PersonalKind, is_day_number, personal_kind

LONGEST_PATH = 512
_LONGEST_SEGMENT = 160
_MOST_REMEMBERED = 4_096
_PLACEHOLDERS = {
    PersonalKind.EMAIL: ":email",
    PersonalKind.PHONE: ":phone",
    PersonalKind.CARD: ":id",
    PersonalKind.IBAN: ":id",
    PersonalKind.NUMBER: ":id",
    PersonalKind.SECRET: ":token",
    PersonalKind.TOKEN: ":token",
    PersonalKind.ADDRESS: ":address",
    PersonalKind.COORDINATES: ":place",
    PersonalKind.USER_AGENT: ":id",
}
_CODE = _PLACEHOLDERS[PersonalKind.TOKEN]
_ID = _PLACEHOLDERS[PersonalKind.NUMBER]
_LONG = ":long"
MORE = ":more"

# What nearly every path is made of: short words and short numbers.
_PART = (
    r"(?:(?:[A-Z]?[^\W\dA-Z_]{1,15}+|[A-Z]{1,5}+)(?:[0-9]{1,4}+)?+|[0-9]{1,5}+)"
    r"(?![-. ,+~_]?[0-9])"
)
_PARTS = rf"{_PART}(?:[-_.+,~ ]{_PART})*+"
_PLAIN_PATH = re.compile(rf"(?:/{_PARTS})*+/?")
_PLAIN_SEGMENT = re.compile(_PARTS)

_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_LONG_DIGITS = re.compile(r"[0-9]{6,}")
_MONTH = re.compile(r"(?:199\d|20[0-4]\d)(?:0[1-9]|1[0-2])")
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBERED = re.compile(r"[A-Za-z]+[-_#.]?[0-9]{3,}")
_CODED_WORD = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{6,}"
)
_MIXED_CASE = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_DAY_DIGITS = 8
_TIMESTAMP_DIGITS = (8, 10, 12, 14)
_LONGEST_PUBLIC_NUMBER = 9
_LONGEST_PUBLIC_CODE = 12
_SHORTEST_STRICT = 4
_LONGEST_STRICT = 15
_LEAST_PERSON_DIGITS = 3


class PathScrub:
    """Cuts paths by the common rules and by a site's own route templates.

    A template such as ``/reset/:code`` stores the part as its name. Paths that need
    no cut are stored as they are, so remembering some of them keeps nothing new.
    """

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self._routes = [
            [part.lower() for part in template.split("/") if part]
            for template in templates
        ]
        self._untouched: set[str] = set()

    def scrub(self, path: str) -> str:
        """Return *path* (decoded, without query) as it may be stored.

        At most ``LONGEST_PATH`` characters: whole segments that fit, then ``:more``.
        """
        if path in self._untouched:
            return path
        scrubbed = self._scrub(path)
        if scrubbed == path:
            if len(self._untouched) >= _MOST_REMEMBERED:
                self._untouched.clear()
            self._untouched.add(path)
        return scrubbed

    def forget(self) -> None:
        """Empty what was remembered."""
        self._untouched.clear()

    def _scrub(self, path: str) -> str:
        if not self._routes and is_plain_path(path):
            return path
        segments = path.split("/")[1:]
        return _shortened(_scrubbed(segments, self._names(segments)))

    def _names(self, segments: Sequence[str]) -> list[str | None]:
        """Return each segment's name, None where no template gives one.

        A template fits a path that begins as it does; the first that fits wins.
        """
        lowered = [segment.lower() for segment in segments]
        route = next((route for route in self._routes if _fits(route, lowered)), [])
        names = [part if part.startswith(":") else None for part in route]
        return names + [None] * (len(segments) - len(route))


def is_plain_path(path: str) -> bool:
    """Whether *path* is made of words and numbers that cannot be secret."""
    return (
        len(path) <= LONGEST_PATH
        and _PLAIN_PATH.fullmatch(path) is not None
        and promises_nothing(path)
    )


def _fits(route: Sequence[str], segments: Sequence[str]) -> bool:
    return len(route) <= len(segments) and all(
        segment != "" if part.startswith(":") else segment == part
        for part, segment in zip(route, segments, strict=False)
    )


def _scrubbed(segments: Sequence[str], names: Sequence[str | None]) -> list[str]:
    kept: list[str] = []
    before = SegmentHint()
    # Armed: a secret was announced and has not come yet. Strict: it has, and what
    # follows it may belong to it.
    armed = strict = False
    for segment, name in zip(segments, names, strict=True):
        after = promise(segment)
        if name is not None:
            kept.append(name)
        elif armed and segment and not (after.through or after.secret):
            kept.append(_CODE)
            armed, strict = False, True
        else:
            kept.append(_cut(segment, before, strict=strict))
        armed = armed or after.secret
        before = after
    return kept


def _cut(segment: str, before: SegmentHint, *, strict: bool) -> str:
    """Return *segment*, or the placeholder of what it is."""
    if (strict and _may_be_code(segment)) or _carries_secret(segment):
        return _CODE
    if before.person and _is_number_of_person(segment):
        return _ID
    if _PLAIN_SEGMENT.fullmatch(segment):
        return segment
    return _odd_kind(segment, before) or segment


def _odd_kind(segment: str, before: SegmentHint) -> str | None:
    """Return the placeholder of a segment that is not just words, None to keep it."""
    if len(segment) > _LONGEST_SEGMENT:
        return _LONG
    stem = _EXTENSION.sub("", segment)
    numbers = _LONG_DIGITS.findall(stem)
    if _ESCAPE.search(segment) or not all(
        _is_public_number(number, stem, before) for number in numbers
    ):
        return _ID
    kind = personal_kind(stem)
    if kind is None or _is_public_code(kind, stem, before):
        return None
    return _PLACEHOLDERS[kind]


def _may_be_code(segment: str) -> bool:
    if len(segment) < _SHORTEST_STRICT:
        return False
    return (
        len(segment) > _LONGEST_STRICT
        or any(character.isdigit() for character in segment)
        or _MIXED_CASE.search(segment) is not None
    )


def _carries_secret(segment: str) -> bool:
    """Whether *segment* names a secret and holds it too, as token=abc or order-1001."""
    named, equals, _ = segment.partition("=")
    if equals:
        return speaks_of_person(named)
    coded = _NUMBERED.fullmatch(segment) or _CODED_WORD.search(segment)
    return coded is not None and speaks_of_person(segment)


def _is_number_of_person(segment: str) -> bool:
    digits = sum(map(str.isdigit, segment))
    return digits >= _LEAST_PERSON_DIGITS or 0 < digits == len(segment)


def _is_public_number(digits: str, stem: str, before: SegmentHint) -> bool:
    """Whether a number of six digits or more is a date or names something public."""
    if _MONTH.fullmatch(digits) or (
        len(digits) in _TIMESTAMP_DIGITS and is_day_number(digits[:_DAY_DIGITS])
    ):
        return True
    if len(digits) > _LONGEST_PUBLIC_NUMBER:
        return False
    if before.content:
        return True
    return _WORD.search(stem) is not None and not speaks_of_person(stem)


def _is_public_code(kind: PersonalKind, stem: str, before: SegmentHint) -> bool:
    if kind is PersonalKind.NUMBER:
        # The length and place of numbers were judged above.
        return True
    return (
        kind is PersonalKind.TOKEN
        and before.content
        and len(stem) <= _LONGEST_PUBLIC_CODE
    )


def _shortened(segments: Sequence[str]) -> str:
    path = "/" + "/".join(segments)
    if len(path) <= LONGEST_PATH:
        return path
    end = path.rfind("/", 0, LONGEST_PATH - len(MORE))
    return f"{path[:end]}/{MORE}"
