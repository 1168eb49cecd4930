"""What a salt is, how it is stored, and what every store of salts promises.

A salt belongs to one calendar date in one time zone. It is eight public random bytes,
the marker by which a leaked copy can be found, in front of 32 secret ones. A store
keeps the SHA-256 of the secret behind it: it proves the salt undamaged, and it is
the commitment the ledger records.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from batcher.salts.secret_bytes import Randomness, RandomnessError
from config.errors import MillpondError, Retryable

MARKER_BYTES = 8
SECRET_BYTES = 32
SALT_BYTES = MARKER_BYTES + SECRET_BYTES
COMMITMENT_BYTES = 32
STORED_BYTES = SALT_BYTES + COMMITMENT_BYTES

# How long a salt outlives its date: late events and open sessions still need it.
GRACE_S = 1_800


class SaltError(MillpondError):
    """Something is wrong with the salt of one date in one zone."""

    def __init__(
        self, doing: str, zone: str, day: date, problem: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{doing} salt {zone} {day}: {problem}", hint=hint)
        self.zone = zone
        self.day = day


class SaltDamagedError(SaltError):
    """The stored salt is short or has changed; it is never used."""

    def __init__(self, zone: str, day: date, where: str) -> None:
        super().__init__(
            "read",
            zone,
            day,
            f"{where} is damaged",
            hint="remove it and visitors of that date are counted anew;"
            " see docs/operations.md, 'Salts'",
        )


class SaltEndedError(Retryable, SaltError):
    """The date is over and its salt destroyed: there will be no second one."""

    def __init__(self, zone: str, day: date) -> None:
        super().__init__(
            "create",
            zone,
            day,
            "the date is over and its salt was destroyed",
            hint="check this machine's clock",
        )


class SaltStoreError(Retryable, MillpondError):
    """The store cannot be used now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltMark:
    """The public side of a stored salt, hexadecimal; empty where it is unreadable."""

    zone: str
    day: date
    marker: str
    commitment: str


class SaltStore(Protocol):
    """Holds the live salts of an installation; every process sees the same ones."""

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the one salt of *day* in *zone*; of racing creators one wins."""

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None where there is none."""

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of that salt without reading the secret."""

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt, for good.

        A date that is not over yet (a clock ran ahead) may get another in its time.
        """

    def live(self) -> list[SaltMark]:
        """Return what is stored, in order of zone and day, without the secrets."""

    def is_volatile(self) -> bool | None:
        """Say whether the store is memory only; None where it cannot be told."""


def new_salt(random: Randomness) -> bytearray:
    """Return a fresh salt: marker and secret."""
    salt = bytearray(SALT_BYTES)
    random(salt)
    if not any(memoryview(salt)[MARKER_BYTES:]):
        raise RandomnessError("create a salt: the random bytes are all zero")
    return salt


def commitment(salt: bytearray) -> bytes:
    """Return the SHA-256 of the secret of *salt*."""
    return hashlib.sha256(memoryview(salt)[MARKER_BYTES:]).digest()
