"""Forwarding headers as hops: what each proxy said of its client, nearest first.

The nearest proxy writes at the right end, so headers are read from the right, and
nothing further left can change how what stands right of it reads.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

MOST_HOPS = 32
# Only this much of a header's right end is looked at.
MOST_CHARACTERS = 2_048
# A hop that is there but cannot be read; no address is spelt like this.
UNREADABLE = ""

_BLANKS = " \t"
_PAIR = re.compile(
    r"[ \t]*(?:(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r'(?P<value>"(?:[^"\\]|\\.)*"|[^",; \t]*))?[ \t]*(?:;|\Z)'
)
_ESCAPED = re.compile(r"\\(.)")

Hops = Iterable[str]


def single_hop(lines: Sequence[str]) -> Hops:
    """Return the one value of a header that must not be repeated."""
    return (lines[0].strip(_BLANKS),) if len(lines) == 1 else (UNREADABLE,)


def xff_hops(lines: Sequence[str]) -> Hops:
    """Return the hops of the ``X-Forwarded-For`` *lines*."""
    if len(lines) == 1 and "," not in lines[0]:
        return single_hop(lines)
    return _items(lines, _split)


def forwarded_hops(lines: Sequence[str]) -> Hops:
    """Return the ``for=`` hops of the ``Forwarded`` *lines* (RFC 7239)."""
    return map(_for_value, _items(lines, _split_outside_quotes))


def _items(
    lines: Sequence[str], split: Callable[[str], Iterable[str]]
) -> Iterator[str]:
    """Yield what stands between commas from the right, an unreadable item at a limit.

    Empty items are legal in a list and say nothing, but they count.
    """
    text = ",".join(lines)
    if len(text) > MOST_CHARACTERS:
        # The mark spoils the item that the cut goes through.
        text = "?" + text[-MOST_CHARACTERS:]
    for number, item in enumerate(split(text)):
        if number == MOST_HOPS:
            yield UNREADABLE
            return
        if bare := item.strip(_BLANKS):
            yield bare


def _split(text: str) -> Iterable[str]:
    return reversed(text.split(","))


def _split_outside_quotes(text: str) -> Iterator[str]:
    end = len(text)
    quoted = False
    for place in range(end - 1, -1, -1):
        if text[place] == '"' and not _is_escaped(text, place):
            quoted = not quoted
        elif text[place] == "," and not quoted:
            yield text[place + 1 : end]
            end = place
    yield text[:end]


def _is_escaped(text: str, place: int) -> bool:
    before = text[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _for_value(element: str) -> str:
    """Return the value of the one ``for`` pair of *element*."""
    values = []
    place = 0
    while place < len(element):
        pair = _PAIR.match(element, place)
        if pair is None:
            return UNREADABLE
        if (pair["name"] or "").lower() == "for":
            values.append(pair["value"])
        place = pair.end()
    return _unquoted(values[0]) if len(values) == 1 else UNREADABLE


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value
