"""Salts in Redis, for several machines; the only door to the client library.

The client library copies data into buffers that cannot be cleared. So only a
short-lived child process, the courier, reads and writes secrets: its memory is gone
when it ends. This process only reads markers and commitments.
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
from urllib.parse import urlsplit

import redis

from batcher.salts.dates import date_end_s
from batcher.salts.secret_bytes import Randomness, wipe
from batcher.salts.store import (
    COMMITMENT_BYTES,
    EXPIRY_SLACK_S,
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

_DEFAULT_PORT = 6_379
_TIMEOUT_S = 3
_COURIER_TIMEOUT_S = 10
_PREFIX = "millpond:salt:"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SaltRequest:
    """A request to the courier; without *expire_at_ms* it creates no salt."""

    url: str
    key: str
    expire_at_ms: int | None


def redis_address(url: str) -> str:
    """Return *url* without user, password and options, to be recorded."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORT
    return f"{parts.scheme}://{parts.hostname or 'localhost'}:{port}{parts.path}"


class RedisSalts:
    """Salts in a database of Redis 6.2 or later, which must not write to disk."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )

    def __repr__(self) -> str:
        """Return the name of the class only, because the URL may contain a password."""
        return "RedisSalts(…)"

    def get_or_create(self, zone: str, day: date, random: Randomness) -> bytearray:
        """Return the only salt of *day* in *zone*; create it if there is none."""
        stored = self.get(zone, day)
        if stored is not None:
            return stored
        # All machines share the clock of Redis. A date that is over by it gets no salt.
        expire_at_ms = (date_end_s(zone, day) + GRACE_S + EXPIRY_SLACK_S) * 1_000
        candidate = new_salt(random)
        try:
            salt = self._fetch(zone, day, candidate, expire_at_ms)
        finally:
            wipe(candidate)
        if salt is None:
            raise SaltEndedError(zone, day)
        return salt

    def get(self, zone: str, day: date) -> bytearray | None:
        """Return the salt of *day* in *zone*, or None if there is none."""
        if self.marker(zone, day) is None:
            return None
        return self._fetch(zone, day, bytearray(SALT_BYTES), None)

    def marker(self, zone: str, day: date) -> bytes | None:
        """Return the public marker of the salt, without reading the secret."""
        with _as_store_error():
            marker = self._client.getrange(_key(zone, day), 0, MARKER_BYTES - 1)
        return cast("bytes", marker) or None

    def destroy(self, zone: str, day: date, *, is_over: bool = True) -> None:
        """Overwrite and remove the salt.

        *is_over* is not needed: a date that is over by Redis's clock gets no new salt.
        """
        del is_over
        key = _key(zone, day)
        with _as_store_error(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.setrange(key, 0, bytes(STORED_BYTES))
            pipeline.delete(key)
            pipeline.execute()

    def live(self) -> list[SaltMark]:
        """Return the stored salts by zone and day, without the secrets."""
        with _as_store_error():
            keys = sorted(self._client.scan_iter(match=f"{_PREFIX}*"))
            marks = [self._mark(key.decode()) for key in keys]
        return sorted(marks, key=lambda mark: (mark.zone, mark.day))

    def is_volatile(self) -> bool | None:
        """Return whether Redis writes nothing to disk; None if that is unknown."""
        try:
            config = self._client.config_get("save", "appendonly")
        except redis.RedisError:
            return None
        return config.get("save") == "" and config.get("appendonly") == "no"

    def _mark(self, key: str) -> SaltMark:
        zone, _, day = key.removeprefix(_PREFIX).rpartition(":")
        marker = self._client.getrange(key, 0, MARKER_BYTES - 1)
        stored_commitment = self._client.getrange(key, SALT_BYTES, STORED_BYTES - 1)
        return SaltMark(
            zone=zone,
            day=date.fromisoformat(day),
            marker=cast("bytes", marker).hex(),
            commitment=cast("bytes", stored_commitment).hex(),
        )

    def _fetch(
        self, zone: str, day: date, candidate: bytearray, expire_at_ms: int | None
    ) -> bytearray | None:
        request = _SaltRequest(
            url=self._url, key=_key(zone, day), expire_at_ms=expire_at_ms
        )
        salt = bytearray(SALT_BYTES)
        stored_commitment = bytearray(COMMITMENT_BYTES)
        size_bytes = _send_courier(
            request, [candidate, commitment(candidate)], [salt, stored_commitment]
        )
        if size_bytes == 0:
            return None
        if size_bytes != STORED_BYTES or commitment(salt) != stored_commitment:
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
        # The client's message may quote the URL, and so the password.
        raise _unreachable(type(error).__name__) from None


def _unreachable(problem: str) -> SaltStoreError:
    return SaltStoreError(
        f"use the salt store in Redis: {problem}",
        hint="check that privacy.salt_store names a running Redis 6.2 or later",
    )


def _send_courier(
    request: _SaltRequest, candidate: list[bytearray | bytes], answer: list[bytearray]
) -> int:
    """Run *request* in a child process that fills *answer*; return its size."""
    with _start_courier() as courier:
        courier_input, courier_output = courier.stdin, courier.stdout
        if courier_input is None or courier_output is None:
            raise _unreachable("no pipe")
        request_line = json.dumps(asdict(request)).encode() + b"\n"
        try:
            os.writev(courier_input.fileno(), [request_line, *candidate])
            size_bytes = os.readv(courier_output.fileno(), answer)
        except BrokenPipeError:
            size_bytes = 0
        courier_input.close()
        courier_output.close()
    if courier.returncode != 0:
        raise _unreachable("the courier failed")
    return size_bytes


def _start_courier() -> subprocess.Popen[bytes]:
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


def answer_request(source: BinaryIO, target: BinaryIO) -> None:
    """Store the candidate salt from *source* if there is none; write the stored one."""
    request = _SaltRequest(**json.loads(source.readline()))
    candidate = source.read(STORED_BYTES)
    with redis.Redis.from_url(
        request.url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
    ) as client:
        if request.expire_at_ms is not None:
            client.set(request.key, candidate, nx=True, pxat=request.expire_at_ms)
        stored = cast("bytes | None", client.get(request.key))
    target.write(stored or b"")
    target.flush()


if __name__ == "__main__":
    signal.alarm(_COURIER_TIMEOUT_S)
    answer_request(sys.stdin.buffer, sys.stdout.buffer)
