"""Distinguishes random tokens from words by how common their letter pairs are.

Random text contains many pairs that no language uses, and often changes between letters
and digits or between cases. The score is a log likelihood ratio: common pairs raise it,
rare pairs lower it.
"""

import re
from operator import add
from string import ascii_letters, ascii_lowercase, digits

from proxy.lists import read_list

# A shorter run in one case is a word or an abbreviation: tokens are longer.
_LONGEST_WORD = 16
_SHORTEST_TOKEN = 8
# A change of character kind inside a run, as in "a1" or "bC", counts as a rare pair.
_CHANGE = -2
# The grade of a pair that is as common as chance.
_CHANCE = ord("e")
_RUN = re.compile(r"[A-Za-z0-9]{8,}")
_CASE_CHANGE = re.compile("[a-z][A-Z]")
_PART = re.compile("[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# Average length of a part of one kind: about 1.7 in base64url, 5 in camelCase.
_LEAST_PART_LENGTH = 2.5
_ONE_CASE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


class _Scores(dict[str, int]):
    """The score of each pair of characters; an unknown pair has score 0."""

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
    """Whether *text* contains a run of letters and digits that looks random."""
    return any(map(_is_random, _RUN.findall(text))) or _is_random_whole(text)


def _score(text: str) -> int:
    return sum(map(_SCORES.__getitem__, map(add, text, text[1:])))


def _is_random(run: str) -> bool:
    length = len(run)
    if run.isdigit() or (length < _LONGEST_WORD and _ONE_CASE.fullmatch(run)):
        return False
    return _score(run) <= _highest_random_score(length)


def _is_random_whole(text: str) -> bool:
    # Base64url text contains - and _, which can split it into runs too short to check
    # alone. Slugs contain them too, and many short words prove little.
    length = len(text)
    if length < _LONGEST_WORD:
        return False
    if _CASE_CHANGE.search(text):
        parts = _PART.findall(text)
        if length < _LEAST_PART_LENGTH * len(parts):
            return True
    return _score(text) <= -length // 2


def _highest_random_score(length: int) -> int:
    """Return the highest score with which *length* characters count as random.

    Words score about 1.3 per letter, tokens about -1.5. So the longer the run is, the
    higher the limit can be.
    """
    if length < _LONGEST_WORD:
        return -6
    return min(length - 18, 8)
