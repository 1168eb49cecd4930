"""A program for tests: commit groups to a lane, and record the result of each.

    python -m tests.batcher.spool.commit_groups SPOOL NOTES COUNT

NOTES is a memory-mapped file, so that a record is no system call that a test could
make fail. Byte N is 1 if group N was acknowledged, and 2 if it was refused.
"""

import mmap
import sys
from pathlib import Path

from batcher.spool.lane import Lane, SpoolBrokenError
from batcher.spool.spool import Spool
from config.settings import SpoolSettings

ACKNOWLEDGED, REFUSED = 1, 2
_SEAL_EVERY = 3


def line(number: int) -> bytes:
    """Return the single line of group *number*."""
    return b'{"group":%d}' % number


def main() -> None:
    """Commit all groups."""
    spool, notes, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with notes.open("r+b") as file:
        results = mmap.mmap(file.fileno(), count)
    lane = Lane.open(Spool(spool), "lane-000", SpoolSettings())
    for number in range(count):
        try:
            lane.commit([line(number)], [])
            results[number] = ACKNOWLEDGED
            if number % _SEAL_EVERY == 0:
                lane.seal()
        except SpoolBrokenError:
            results[number] = results[number] or REFUSED


if __name__ == "__main__":
    main()
