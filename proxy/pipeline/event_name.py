"""Which event names may be stored: short, printable, with nothing personal in them."""

import re
from functools import lru_cache

from proxy.pii.detect import looks_personal

_MAX_LENGTH = 64
_NAME = re.compile(r"[^\W_][\w .:/$&+-]*")


def is_event_name(name: str) -> bool:
    """Return whether *name* is 1 to 64 allowed characters and names no person."""
    # Checked before the cache: what the cache holds must be small.
    return len(name) <= _MAX_LENGTH and _is_plain(name)


def forget_names() -> None:
    """Empty the cache of names."""
    _is_plain.cache_clear()


@lru_cache(maxsize=1_024)
def _is_plain(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not looks_personal(name)
