"""Salts in Redis, for a fleet of machines; the one door to its client.

The client library copies what it reads into buffers that nobody can clear. So a
secret is only ever read and written by a short-lived process, whose memory ends with
it; this process itself asks for markers and commitments alone.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

import redis

from batcher.salts.dates import date_end_s
from batcher.salts.secret_bytes import Randomness, wipe
from batcher.salts.store import (
    COMMITMENT_BYTES,
    GRACE_S,
    MARKER_BYTES,
    SALT_BYTES,
    STORED_BYTES,
    SaltDamagedError,
    SaltEndedError,
    SaltMark,
    SaltStoreError,
    commitment,
    new_salt,
)

# Redis lets a salt go by itself a little after it is due, should nobody destroy it.
_EXPIRY_SLACK_S = 300
_TIMEOUT_S = 3
_COURIER_TIMEOUT_S = 10
_PREFIX = "millpond:salt:"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SaltRequest:
    """What the courier is sent for; *expire_at_ms* is None when it must not create."""

    url: str
    key: str
    expire_at_ms: int | None


class RedisSalts:
    """Salts in one database of Redis 6.2 or later, which must keep nothing on disk."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )

    def __repr__(self) -> str:
        """Name the kind of store only: its URL may hold a password."""
        return "RedisSalts(…)"

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the one salt of *day* in *zone*; of racing creators one wins."""
        found = self.get(zone, day)
        if found is not None:
            return found
        # By the clock of Redis, which all share: a date that is over there gets none.
        expire_at_ms = (date_end_s(zone, day) + GRACE_S + _EXPIRY_SLACK_S) * 1_000
        candidate = new_salt(random)
        try:
            salt = self._fetch(zone, day, candidate, expire_at_ms)
        finally:
            wipe(candidate)
        if salt is None:
            raise SaltEndedError(zone, day)
        return salt

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None where there is none."""
        if self.marker(zone, day) is None:
            return None
        return self._fetch(zone, day, bytearray(SALT_BYTES), None)

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of that salt without reading the secret."""
        with _as_store_error():
            found = self._client.getrange(_key(zone, day), 0, MARKER_BYTES - 1)
        return cast("bytes", found) or None

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt; by Redis' clock no date over gets another."""
        del is_over
        key = _key(zone, day)
        with _as_store_error(), self._client.pipeline(transaction=True) as both:
            both.setrange(key, 0, bytes(STORED_BYTES))
            both.delete(key)
            both.execute()

    def live(self) -> list[SaltMark]:
        """Return what is stored, in order of zone and day, without the secrets."""
        with _as_store_error():
            keys = sorted(self._client.scan_iter(match=f"{_PREFIX}*"))
            marks = [self._mark(key.decode()) for key in keys]
        return sorted(marks, key=lambda mark: (mark.zone, mark.day))

    def is_volatile(self) -> bool | None:
        """Say whether Redis keeps nothing on disk; None where it does not tell."""
        try:
            kept = self._client.config_get("save", "appendonly")
        except redis.RedisError:
            return None
        return kept.get("save") == "" and kept.get("appendonly") == "no"

    def _mark(self, key: str) -> SaltMark:
        zone, _, day = key.removeprefix(_PREFIX).rpartition(":")
        marker = self._client.getrange(key, 0, MARKER_BYTES - 1)
        kept = self._client.getrange(key, SALT_BYTES, STORED_BYTES - 1)
        return SaltMark(
            zone=zone,
            day=date.fromisoformat(day),
            marker=cast("bytes", marker).hex(),
            commitment=cast("bytes", kept).hex(),
        )

    def _fetch(
        self, zone: str, day: date, candidate: bytearray, expire_at_ms: int | None
    ) -> bytearray | None:
        errand = _SaltRequest(
            url=self._url, key=_key(zone, day), expire_at_ms=expire_at_ms
        )
        salt, kept = bytearray(SALT_BYTES), bytearray(COMMITMENT_BYTES)
        size = _send_courier(errand, [candidate, commitment(candidate)], [salt, kept])
        if size == 0:
            return None
        if size != STORED_BYTES or commitment(salt) != kept:
            wipe(salt)
            raise SaltDamagedError(zone, day, _key(zone, day))
        return salt


def _key(zone: str, day: date) -> str:
    return f"{_PREFIX}{zone}:{day.isoformat()}"


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        # The client's own words may quote the URL, and so the password.
        raise _unreachable(type(error).__name__) from None


def _unreachable(problem: str) -> SaltStoreError:
    return SaltStoreError(
        f"use the salt store in Redis: {problem}",
        hint="see that privacy.salt_store names a running Redis 6.2 or later",
    )


def _send_courier(
    errand: _SaltRequest, offered: list[bytearray | bytes], received: list[bytearray]
) -> int:
    """Run *errand* in a process of its own; return how many bytes were *received*."""
    with _courier() as courier:
        inlet, outlet = courier.stdin, courier.stdout
        if inlet is None or outlet is None:
            raise _unreachable("no pipe")
        try:
            os.writev(
                inlet.fileno(), [json.dumps(asdict(errand)).encode() + b"\n", *offered]
            )
            size = os.readv(outlet.fileno(), received)
        except BrokenPipeError:
            size = 0
        inlet.close()
        outlet.close()
    if courier.returncode != 0:
        raise _unreachable("the courier came back with nothing")
    return size


def _courier() -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "batcher.salts.redis_store"],
            cwd=_ROOT,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise _unreachable(f"no courier: {error.strerror}") from None


def run_errand(inlet: BinaryIO, outlet: BinaryIO) -> None:
    """Do one errand: offer the salt read from *inlet*, write the stored one."""
    errand = _SaltRequest(**json.loads(inlet.readline()))
    offered = inlet.read(STORED_BYTES)
    with redis.Redis.from_url(
        errand.url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
    ) as client:
        if errand.expire_at_ms is not None:
            client.set(errand.key, offered, nx=True, pxat=errand.expire_at_ms)
        stored = cast("bytes | None", client.get(errand.key))
    outlet.write(stored or b"")
    outlet.flush()


if __name__ == "__main__":
    signal.alarm(_COURIER_TIMEOUT_S)
    run_errand(sys.stdin.buffer, sys.stdout.buffer)
