"""Reads Traefik's text format: the combined format with fields of its own.

Traefik logs headers only if it is told to. An absent User-Agent is therefore one that
is not logged, and does not mean that the visitor sent none.
"""

import re

from proxy.history.formats.combined import read_with_tail
from proxy.history.log_line import LogLine, SkipReason

_TAIL = re.compile(rb' \d+ "[^"]*+" "[^"]*+" \d+ms\s*')


def read_traefik(line: bytes) -> LogLine | SkipReason:
    """Return the request of *line*, or why there is none."""
    parsed, tail = read_with_tail(line)
    if isinstance(parsed, SkipReason):
        return parsed
    if _TAIL.fullmatch(tail) is None:
        return SkipReason.UNREADABLE
    parsed.agent = parsed.agent or None
    return parsed
