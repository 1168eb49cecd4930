"""A program for tests: create salts at the same time as other processes.

    python -m tests.batcher.salts.salt_racer PLACE FIRST_DAY COUNT

Waits for a line of input, then prints the SHA-256 of every salt.
"""

import hashlib
import sys
from datetime import date, timedelta
from pathlib import Path

from batcher.salts.held import open_store
from batcher.salts.secret_bytes import fill_random

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Asia/Tokyo")


def digests(place: str, first: date, count: int) -> list[str]:
    """Return the digests of *count* salts, in the same order in every process."""
    store = open_store(place, Path(f"{place}-spool"))
    digests = []
    for number in range(count):
        zone = ZONES[number % len(ZONES)]
        day = first + timedelta(days=number // len(ZONES))
        salt = store.get_or_create(zone, day, fill_random)
        digests.append(hashlib.sha256(salt).hexdigest())
    return digests


if __name__ == "__main__":
    place, first_day, count = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(
        "\n".join(digests(place, date.fromisoformat(first_day), int(count)))
    )
