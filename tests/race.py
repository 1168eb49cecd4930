"""A program for tests: one command of Millpond, started the moment another is.

    python -m tests.race COMMAND…

Prints ``ready`` once all is imported, waits for a line, and runs the command; again
where another process was in the way.
"""

import sys
from importlib import import_module

import millpond

_COMMANDS_USE = (
    "batcher.drain",
    "batcher.run",
    "warehouse.build",
    "warehouse.lifecycle.retention",
    "warehouse.lifecycle.compaction",
)
_DATA_PROBLEM = 3
_MOST_ATTEMPTS = 50


def main() -> int:
    """Run the command; return its last exit code."""
    for name in _COMMANDS_USE:
        import_module(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    code = _DATA_PROBLEM
    for _ in range(_MOST_ATTEMPTS):
        code = millpond.run(sys.argv[1:])
        if code != _DATA_PROBLEM:
            break
    return code


if __name__ == "__main__":
    sys.exit(main())
