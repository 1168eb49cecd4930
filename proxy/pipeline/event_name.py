"""Event names: short, printable, and never a place to hide a person."""

import re
from functools import lru_cache

from proxy.pii.detect import looks_personal

_LONGEST = 64
_NAME = re.compile(r"[^\W_][\w .:/$&+-]*")


def is_event_name(name: str) -> bool:
    """Say whether *name* may be stored: 1 to 64 characters, nothing personal in it."""
    # Looked at first: what is remembered must be small, whatever is sent.
    return len(name) <= _LONGEST and _is_plain(name)


def forget_names() -> None:
    """Empty the memory of names."""
    _is_plain.cache_clear()


@lru_cache(maxsize=1_024)
def _is_plain(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not looks_personal(name)
