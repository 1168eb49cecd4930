"""The format of a salt, and the interface of every store of salts.

A salt belongs to one calendar date in one time zone. It consists of eight public random
bytes, the marker, and 32 secret random bytes. A leaked copy can be found by its marker.
A store adds the SHA-256 of the secret, which shows whether the salt is damaged. The
ledger records this hash as the commitment to the salt.
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

# How long a salt outlives its date. Late events and open sessions still need the salt.
GRACE_S = 1_800
# If no batcher destroys a salt, Redis expires it this long after it is due.
EXPIRY_SLACK_S = 300


class SaltError(MillpondError):
    """A problem with the salt of one date in one zone."""

    def __init__(
        self, doing: str, zone: str, day: date, problem: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{doing} salt {zone} {day}: {problem}", hint=hint)
        self.zone = zone
        self.day = day


class SaltDamagedError(SaltError):
    """The stored salt is too short or has changed; it is never used."""

    def __init__(self, zone: str, day: date, where: str) -> None:
        super().__init__(
            "read",
            zone,
            day,
            f"{where} is damaged",
            hint="remove it; visitors of that date then count as new visitors;"
            " see docs/operations.md, 'Salts'",
        )


class SaltEndedError(Retryable, SaltError):
    """The date is over and its salt is destroyed; the date gets no other salt."""

    def __init__(self, zone: str, day: date) -> None:
        super().__init__(
            "create",
            zone,
            day,
            "the date is over and its salt was destroyed",
            hint="check this machine's clock",
        )


class SaltStoreError(Retryable, MillpondError):
    """The store cannot be used at the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltMark:
    """The public part of a stored salt, in hexadecimal; empty if it is unreadable."""

    zone: str
    day: date
    marker: str
    commitment: str


class SaltStore(Protocol):
    """Stores the live salts of an installation; every process sees the same salts."""

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the only salt of *day* in *zone*; create it if there is none.

        Racing processes all get the same salt.
        """

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None if there is none."""

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of the salt, without reading the secret."""

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt.

        A date that is not over yet, because a clock ran ahead, may get another salt.
        """

    def live(self) -> list[SaltMark]:
        """Return the stored salts by zone and day, without the secrets."""

    def is_volatile(self) -> bool | None:
        """Return whether the store is in memory only; None if that is unknown."""


def new_salt(random: Randomness) -> bytearray:
    """Return a new salt: marker and secret."""
    salt = bytearray(SALT_BYTES)
    random(salt)
    if not any(memoryview(salt)[MARKER_BYTES:]):
        raise RandomnessError("create a salt: the random bytes are all zero")
    return salt


def commitment(salt: bytearray) -> bytes:
    """Return the SHA-256 of the secret of *salt*."""
    return hashlib.sha256(memoryview(salt)[MARKER_BYTES:]).digest()
