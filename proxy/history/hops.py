"""Reads the addresses in the fields of a log: lists of proxies, masked addresses.

A hop is one address as text. Nothing here stores what it reads.
"""

import re
from functools import lru_cache

from proxy.client.addresses import parse_address

_MAX_LENGTH = 1_024
_MASKED = re.compile(
    r"(\d{1,3}(?:\.\d{1,3}){0,2})((?:\.(?:x{1,3}|\*|0)){1,3})", re.IGNORECASE
)
_GROUPS = 4
# What servers write for an address that they do not know.
_UNKNOWN = ("-", "unknown", "")
_ZERO = ".0"


@lru_cache(maxsize=4_096)
def read_hops(field: str) -> tuple[str, ...]:
    """Return the addresses of a field, the nearest hop first.

    The field is one address, or a list as in ``X-Forwarded-For``. The result is empty
    if any part is neither an address nor unknown.
    """
    if len(field) > _MAX_LENGTH:
        return ()
    hops = []
    for part in reversed(field.split(",")):
        text = part.strip(" \t\"'")
        if text.lower() in _UNKNOWN:
            continue
        hop = _unmask(text)
        if hop is None:
            return ()
        hops.append(hop)
    return tuple(hops)


def is_masked(hop: str) -> bool:
    """Whether the last part of an address is zero, as after masking."""
    return hop.endswith((_ZERO, "::"))


def _unmask(text: str) -> str | None:
    """Return *text*, with zeros for masked parts, or None if it is no address."""
    if parse_address(text) is not None:
        return text
    match = _MASKED.fullmatch(text)
    if match is None:
        return None
    known = match[1].split(".")
    if len(known) + match[2].count(".") != _GROUPS:
        return None
    hop = match[1] + _ZERO * (_GROUPS - len(known))
    return None if parse_address(hop) is None else hop
