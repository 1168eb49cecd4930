"""A program for tests: commit groups to a lane and note what became of each.

    python -m tests.batcher.spool.commit_groups SPOOL NOTES COUNT

NOTES is mapped memory, so that noting is no system call that could be made to fail:
byte N is 1 when group N was acknowledged and 2 when it was refused.
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
    """Return the only line of group *number*."""
    return b'{"group":%d}' % number


def main() -> None:
    """Do it."""
    spool, notes, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with notes.open("r+b") as file:
        noted = mmap.mmap(file.fileno(), count)
    lane = Lane.open(Spool(spool), "lane-000", SpoolSettings())
    for number in range(count):
        try:
            lane.commit([line(number)], [])
            noted[number] = ACKNOWLEDGED
            if number % _SEAL_EVERY == 0:
                lane.seal()
        except SpoolBrokenError:
            noted[number] = noted[number] or REFUSED


if __name__ == "__main__":
    main()
