"""The common part of the Python drivers: the visit is their only argument.

A driver prints the count of each event that it sent. Drivers run in their own
environment without Millpond.
"""

import json
import sys
from collections import Counter
from typing import Any

VISIT: dict[str, Any] = json.loads(sys.argv[1])
_SENT: Counter[str] = Counter()


def record_sent(name: str) -> str:
    """Record *name* as sent, and return it."""
    _SENT[name] += 1
    return name


def print_sent() -> None:
    """Print the count of each sent event."""
    sys.stdout.write(json.dumps(_SENT))
