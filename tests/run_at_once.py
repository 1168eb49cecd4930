"""A program for tests: run one Millpond command at the same moment as another.

    python -m tests.run_at_once COMMAND…

Prints ``ready`` after all imports, waits for a line, and runs the command. If another
process holds a lock, the command is run again.
"""

import sys
from importlib import import_module

import millpond
from tests.waiting import wait_until

_COMMANDS_USE = (
    "batcher.drain",
    "batcher.run",
    "warehouse.build",
    "warehouse.lifecycle.retention",
    "warehouse.lifecycle.compaction",
)
_DATA_PROBLEM = 3


def main() -> int:
    """Run the command; return its last exit code."""
    for name in _COMMANDS_USE:
        import_module(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    codes: list[int] = []

    def is_done() -> bool:
        codes.append(millpond.run(sys.argv[1:]))
        return codes[-1] != _DATA_PROBLEM

    wait_until(is_done, "the other command to release its locks")
    return codes[-1]


if __name__ == "__main__":
    sys.exit(main())
