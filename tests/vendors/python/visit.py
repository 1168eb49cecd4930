"""What every driver in Python starts with: the visit to tell of is its one argument.

It prints how many events of which name it handed to the client. Drivers run in an
environment of their own, with nothing of Millpond in it.
"""

import json
import sys
from collections import Counter
from typing import Any

VISIT: dict[str, Any] = json.loads(sys.argv[1])
_SENT: Counter[str] = Counter()


def record_sent(name: str) -> str:
    """Return *name*, noted as handed to the client."""
    _SENT[name] += 1
    return name


def print_sent() -> None:
    """Print what was handed."""
    sys.stdout.write(json.dumps(_SENT))
