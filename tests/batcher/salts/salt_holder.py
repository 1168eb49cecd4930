"""A process that uses a salt, forgets it after a line of input, and keeps running.

    python -m tests.batcher.salts.salt_holder KIND PLACE DAY

KIND is ``salts`` (the code of Millpond) or ``bytes`` (naive code).
"""

import gc
import hashlib
import hmac
import sys
from datetime import date
from pathlib import Path

from batcher.salts.dates import date_end_s
from batcher.salts.held import Salts, open_store
from batcher.salts.secret_bytes import fill_random
from batcher.salts.store import GRACE_S
from tests.batcher.salts.salt_cases import ZONE

VISITS = 20_000


def print_and_wait(word: str) -> None:
    """Print *word* and wait for the next line of input."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def hold_in_salts(place: str, day: date) -> None:
    """Use and forget a salt, like a proxy."""
    end_s = date_end_s(ZONE, day)
    now_s = end_s - 1
    salts = Salts(open_store(place, Path(f"{place}-spool")), fill_random)
    salts.prefetch([ZONE], now_s)
    for number in range(VISITS):
        key = salts.key_if_live(ZONE, day, "shop", now_s)
        if key is None:
            raise SystemExit(3)
        hashlib.blake2b(b"%d" % number, key=key, digest_size=8).digest()
    print_and_wait("held")
    salts.forget_ended(end_s + GRACE_S)


def hold_in_bytes(place: str) -> None:
    """Use and drop a salt, like code that does not wipe memory."""
    (file,) = Path(place).glob("*.salt")
    salt = file.read_bytes()[:40]
    for number in range(VISITS):
        hmac.new(salt[8:], b"%d" % number, hashlib.sha256).digest()
    print_and_wait("held")
    del salt


if __name__ == "__main__":
    kind, place, day_text = sys.argv[1:]
    if kind == "salts":
        hold_in_salts(place, date.fromisoformat(day_text))
    else:
        hold_in_bytes(place)
    gc.collect()
    print_and_wait("forgotten")
