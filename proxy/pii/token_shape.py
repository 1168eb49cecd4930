"""Tells random tokens from words, by how usual their letter pairs are.

Random text is full of pairs no language uses and changes between letters and digits,
or between cases, at every other step. The score is a log likelihood ratio: words add
to it, noise takes from it.
"""

import re
from operator import add
from string import ascii_letters, ascii_lowercase, digits

from proxy.lists import read_list

# One case and shorter than this is a word: abbreviations are short, tokens are not.
_LONGEST_WORD = 16
_SHORTEST_TOKEN = 8
# A change of kind inside a run, as in "a1" or "bC", costs as much as a rare pair.
_CHANGE = -2
_CHANCE = ord("e")
_RUN = re.compile(r"[A-Za-z0-9]{8,}")
_CASE_CHANGE = re.compile("[a-z][A-Z]")
_PART = re.compile("[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# Letters of one kind in a row: about 1.7 in base64url, 5 in camelCase.
_SHORTEST_PARTS = 2.5
_ONE_CASE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


class _Scores(dict[str, int]):
    """Score by pair of characters; a pair it does not know says nothing."""

    def __missing__(self, pair: str) -> int:
        return 0


def _load_scores() -> _Scores:
    scores = _Scores()
    for first, row in zip(ascii_lowercase, read_list("letter_pairs.txt"), strict=True):
        for second, grade in zip(ascii_lowercase, row, strict=True):
            value = ord(grade) - _CHANCE
            scores[first + second] = value
            scores[first.upper() + second] = value
            scores[first.upper() + second.upper()] = value
            scores[first + second.upper()] = _CHANGE
    for letter in ascii_letters:
        for digit in digits:
            scores[letter + digit] = scores[digit + letter] = _CHANGE
    return scores


_SCORES = _load_scores()


def has_random_run(text: str) -> bool:
    """Whether *text* has letters and digits in a row that no language would write."""
    return any(map(_is_random, _RUN.findall(text))) or _is_random_whole(text)


def _score(text: str) -> int:
    return sum(map(_SCORES.__getitem__, map(add, text, text[1:])))


def _is_random(run: str) -> bool:
    length = len(run)
    if length < _LONGEST_WORD and (_ONE_CASE.fullmatch(run) or run.isdigit()):
        return False
    return _score(run) <= _least_score(length)


def _is_random_whole(text: str) -> bool:
    # Base64url has - and _ among its letters and may fall into runs too short to
    # judge alone. Slugs have them too, and many short words say little.
    length = len(text)
    if length < _LONGEST_WORD:
        return False
    if _CASE_CHANGE.search(text) and length < _SHORTEST_PARTS * len(
        _PART.findall(text)
    ):
        return True
    return _score(text) <= -length // 2


def _least_score(length: int) -> int:
    """Return the score up to which *length* characters count as random.

    Words score about 1.3 a letter and tokens -1.5, so a longer run needs to be
    less strange.
    """
    if length < _LONGEST_WORD:
        return -6
    return min(length - 18, 8)
