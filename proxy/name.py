"""Event names: short, printable, and never a place to hide a person."""

import re
from functools import lru_cache

from proxy.detect import looks_personal

_NAME = re.compile(r"[^\W_][\w .:/$&+-]{0,63}")


@lru_cache(maxsize=1_024)
def is_event_name(name: str) -> bool:
    """Say whether *name* may be stored: 1 to 64 characters, nothing personal in it."""
    return _NAME.fullmatch(name) is not None and not looks_personal(name)
