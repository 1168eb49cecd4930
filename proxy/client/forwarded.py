"""Parses forwarding headers into hops, the nearest proxy's hop first.

A hop is the client that one proxy reported. Each proxy appends at the right end, so
headers are parsed from the right, and text further left cannot change how the text to
its right is parsed.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

MAX_HOPS = 32
# Only this much of a header's right end is parsed.
MAX_CHARACTERS = 2_048
# A hop that cannot be parsed; no address is an empty text.
UNREADABLE = ""

_BLANKS = " \t"
_PAIR = re.compile(
    r"[ \t]*(?:(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)="
    r'(?P<value>"(?:[^"\\]|\\.)*"|[^",; \t]*))?[ \t]*(?:;|\Z)'
)
_ESCAPED = re.compile(r"\\(.)")

Hops = Iterable[str]


def single_hop(lines: Sequence[str]) -> Hops:
    """Return the hop of a header with one value; a repeated header is unreadable."""
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
    """Yield the items of a list from the right; one past the limit is unreadable.

    Empty items are legal and are skipped, but they count towards the limit.
    """
    text = ",".join(lines)
    if len(text) > MAX_CHARACTERS:
        # The "?" makes the item at the cut unreadable: a part could look like a whole.
        text = "?" + text[-MAX_CHARACTERS:]
    for number, item in enumerate(split(text)):
        if number == MAX_HOPS:
            yield UNREADABLE
            return
        if bare := item.strip(_BLANKS):
            yield bare


def _split(text: str) -> Iterable[str]:
    return reversed(text.split(","))


def _split_outside_quotes(text: str) -> Iterator[str]:
    end = len(text)
    is_quoted = False
    for position in range(end - 1, -1, -1):
        if text[position] == '"' and not _is_escaped(text, position):
            is_quoted = not is_quoted
        elif text[position] == "," and not is_quoted:
            yield text[position + 1 : end]
            end = position
    yield text[:end]


def _is_escaped(text: str, position: int) -> bool:
    before = text[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _for_value(element: str) -> str:
    """Return the value of the only ``for`` pair of *element*."""
    values = []
    position = 0
    while position < len(element):
        pair = _PAIR.match(element, position)
        if pair is None:
            return UNREADABLE
        if (pair["name"] or "").lower() == "for":
            values.append(pair["value"])
        position = pair.end()
    return _unquote(values[0]) if len(values) == 1 else UNREADABLE


def _unquote(value: str) -> str:
    if value.startswith('"'):
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value
