"""One of several processes that create the same salts at the same time.

    python -m tests.batcher.salts.salt_racer PLACE FIRST_DAY COUNT

It waits for a line of input, then prints the SHA-256 of every salt it got.
"""

import hashlib
import sys
from datetime import date, timedelta
from pathlib import Path

from batcher.salts.held import open_store
from batcher.salts.secret_bytes import fill_random

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Asia/Tokyo")


def digests(place: str, first: date, count: int) -> list[str]:
    """Return the digest of each of *count* salts, in one order for every racer."""
    store = open_store(place, Path("unused"))
    found = []
    for number in range(count):
        zone = ZONES[number % len(ZONES)]
        day = first + timedelta(days=number // len(ZONES))
        salt = store.get_or_create(zone, day, fill_random)
        found.append(hashlib.sha256(salt).hexdigest())
    return found


if __name__ == "__main__":
    where, since, many = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write("\n".join(digests(where, date.fromisoformat(since), int(many))))
