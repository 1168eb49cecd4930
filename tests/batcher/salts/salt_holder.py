"""A process that holds a salt, uses it, forgets it on a line of input, and lives on.

    python -m tests.batcher.salts.salt_holder KIND PLACE DAY

KIND is ``salts`` (our own code) or ``bytes`` (what naive code would do).
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


def say(word: str) -> None:
    """Print *word* and wait for the next line of input."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def hold_in_salts(place: str, day: date) -> None:
    """Use and forget a salt as a proxy does."""
    end_s = date_end_s(ZONE, day)
    now_s = end_s - 1
    salts = Salts(open_store(place, Path("unused")), fill_random)
    salts.prefetch([ZONE], now_s)
    for number in range(VISITS):
        key = salts.key_if_live(ZONE, day, "shop", now_s)
        if key is None:
            raise SystemExit(3)
        hashlib.blake2b(b"%d" % number, key=key, digest_size=8).digest()
    say("held")
    salts.forget_ended(end_s + GRACE_S)


def hold_in_bytes(place: str) -> None:
    """Use and drop a salt as code does that knows nothing of memory."""
    (file,) = Path(place).glob("*.salt")
    salt = file.read_bytes()[:40]
    for number in range(VISITS):
        hmac.new(salt[8:], b"%d" % number, hashlib.sha256).digest()
    say("held")
    del salt


if __name__ == "__main__":
    kind, where, dated = sys.argv[1:]
    if kind == "salts":
        hold_in_salts(where, date.fromisoformat(dated))
    else:
        hold_in_bytes(where)
    gc.collect()
    say("forgotten")
