"""What every store of salts is tried with: the same zone, days and random bytes."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from batcher.salts.secret_bytes import Randomness
from batcher.salts.store import SALT_BYTES

ZONE = "Europe/Berlin"
DAY = date(2026, 11, 22)
DAY_BEFORE = date(2026, 11, 21)
DAY_AFTER = date(2026, 11, 23)


def at(text: str, zone: str = ZONE) -> int:
    """Return the UTC seconds of *text*, a local time in *zone*."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(local.timestamp())


def counted() -> Randomness:
    """Return randomness whose n-th buffer is full of the byte n: easy to tell apart."""

    def numbers() -> Iterator[int]:
        yield from range(1, 256)

    number = numbers()

    def fill(buffer: bytearray) -> None:
        memoryview(buffer)[:] = bytes([next(number)]) * len(buffer)

    return fill


def salt_of(byte: int) -> bytearray:
    """Return the salt that the *byte*-th buffer of ``counted`` makes."""
    return bytearray([byte]) * SALT_BYTES
