"""Removes secret and personal segments from a page's path, and keeps the rest.

A placeholder such as ``:token``, ``:id`` or ``:email`` replaces a removed segment. See
docs/decisions/0030-path-scrubbing.md for the rules and their known gaps.
"""

import re
from collections.abc import Iterable, Sequence
from unicodedata import is_normalized

from proxy.page.path_words import (
    SegmentHint,
    has_sensitive_word,
    hint_of,
    path_has_sensitive_word,
)
from proxy.pii.detect import PersonalKind, personal_kind
from proxy.pii.numbers import is_day_number
from proxy.pii.readable import ascii_digits

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

# Nearly every path consists of short words and short numbers only.
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
    """Scrubs paths by the general rules and by a site's own route templates.

    With a template such as ``/reset/:code``, the second segment is stored as ``:code``.
    The cache holds only paths that are stored unchanged, so it keeps no personal data.
    """

    def __init__(self, templates: Iterable[str] = ()) -> None:
        self._routes = [
            [part.lower() for part in template.split("/") if part]
            for template in templates
        ]
        self._untouched: set[str] = set()

    def scrub(self, path: str) -> str:
        """Return the stored form of *path*, which is decoded and has no query.

        It has at most ``LONGEST_PATH`` characters: a longer path keeps the segments
        that fit and ends in ``:more``.
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
        """Empty the cache."""
        self._untouched.clear()

    def _scrub(self, path: str) -> str:
        if not self._routes and is_plain_path(path):
            return path
        segments = path.split("/")[1:]
        # Digits of other scripts are judged as the digits they are.
        plain = [ascii_digits(segment) for segment in segments]
        scrubbed = _scrubbed(plain, self._names(segments))
        return _shortened(
            [
                segment if stored == judged else stored
                for segment, judged, stored in zip(
                    segments, plain, scrubbed, strict=True
                )
            ]
        )

    def _names(self, segments: Sequence[str]) -> list[str | None]:
        """Return each segment's name from the templates, None if it has no name.

        A template matches a path that starts with its segments; the first match counts.
        """
        lowered = [segment.lower() for segment in segments]
        route = next((route for route in self._routes if _matches(route, lowered)), [])
        names = [part if part.startswith(":") else None for part in route]
        return names + [None] * (len(segments) - len(route))


def is_plain_path(path: str) -> bool:
    """Whether *path* consists of words and numbers that cannot be secret."""
    return (
        len(path) <= LONGEST_PATH
        and is_normalized("NFKC", path)
        and _PLAIN_PATH.fullmatch(path) is not None
        and not path_has_sensitive_word(path)
    )


def _matches(route: Sequence[str], segments: Sequence[str]) -> bool:
    return len(route) <= len(segments) and all(
        segment != "" if part.startswith(":") else segment == part
        for part, segment in zip(route, segments, strict=False)
    )


def _scrubbed(segments: Sequence[str], names: Sequence[str | None]) -> list[str]:
    scrubbed: list[str] = []
    hint = SegmentHint()
    # Until an announced secret appears, is_expected is True. After it has appeared,
    # is_strict is True, because the next segments may be parts of the secret.
    is_expected = is_strict = False
    for segment, name in zip(segments, names, strict=True):
        next_hint = hint_of(segment)
        if name is not None:
            scrubbed.append(name)
        elif is_expected and segment and not (next_hint.through or next_hint.secret):
            scrubbed.append(_CODE)
            is_expected, is_strict = False, True
        else:
            scrubbed.append(_scrub_segment(segment, hint, is_strict=is_strict))
        is_expected = is_expected or next_hint.secret
        hint = next_hint
    return scrubbed


def _scrub_segment(segment: str, hint: SegmentHint, *, is_strict: bool) -> str:
    """Return *segment* or its placeholder; *hint* is from the segment before it."""
    if (is_strict and _may_be_code(segment)) or _contains_secret(segment):
        return _CODE
    if hint.person and _is_number_of_person(segment):
        return _ID
    if _PLAIN_SEGMENT.fullmatch(segment):
        return segment
    return _placeholder(segment, hint) or segment


def _placeholder(segment: str, hint: SegmentHint) -> str | None:
    """Return the placeholder for a segment that is not just words, None to keep it."""
    if len(segment) > _LONGEST_SEGMENT:
        return _LONG
    stem = _EXTENSION.sub("", segment)
    numbers = _LONG_DIGITS.findall(stem)
    if _ESCAPE.search(segment) or not all(
        _is_public_number(number, stem, hint) for number in numbers
    ):
        return _ID
    kind = personal_kind(stem)
    if kind is None or _is_public_code(kind, stem, hint):
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


def _contains_secret(segment: str) -> bool:
    """Whether *segment* has a sensitive word and its value: token=abc, order-1001."""
    name, equals, _ = segment.partition("=")
    if equals:
        return has_sensitive_word(name)
    code = _NUMBERED.fullmatch(segment) or _CODED_WORD.search(segment)
    return code is not None and has_sensitive_word(segment)


def _is_number_of_person(segment: str) -> bool:
    digits = sum(map(str.isdigit, segment))
    return digits >= _LEAST_PERSON_DIGITS or 0 < digits == len(segment)


def _is_public_number(digits: str, stem: str, hint: SegmentHint) -> bool:
    """Whether a number of six digits or more is a date or the id of public content."""
    if _MONTH.fullmatch(digits) or (
        len(digits) in _TIMESTAMP_DIGITS and is_day_number(digits[:_DAY_DIGITS])
    ):
        return True
    if len(digits) > _LONGEST_PUBLIC_NUMBER:
        return False
    if hint.content:
        return True
    return _WORD.search(stem) is not None and not has_sensitive_word(stem)


def _is_public_code(kind: PersonalKind, stem: str, hint: SegmentHint) -> bool:
    if kind is PersonalKind.NUMBER:
        # _is_public_number has already checked it.
        return True
    return (
        kind is PersonalKind.TOKEN
        and hint.content
        and len(stem) <= _LONGEST_PUBLIC_CODE
    )


def _shortened(segments: Sequence[str]) -> str:
    path = "/" + "/".join(segments)
    if len(path) <= LONGEST_PATH:
        return path
    end = path.rfind("/", 0, LONGEST_PATH - len(MORE))
    return f"{path[:end]}/{MORE}"
