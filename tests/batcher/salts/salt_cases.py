"""The zone, days and random bytes that the tests of every salt store use."""

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
    """Return the UTC seconds of the local time *text* in *zone*."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(local.timestamp())


def counting_randomness() -> Randomness:
    """Return a random source that fills the n-th buffer with the byte n."""

    def numbers() -> Iterator[int]:
        yield from range(1, 256)

    number = numbers()

    def fill(buffer: bytearray) -> None:
        memoryview(buffer)[:] = bytes([next(number)]) * len(buffer)

    return fill


def salt_of(byte: int) -> bytearray:
    """Return the salt made from the n-th buffer of ``counting_randomness``."""
    return bytearray([byte]) * SALT_BYTES
