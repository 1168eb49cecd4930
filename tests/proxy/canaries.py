"""Canary values that must not be on a disk, in a log line or in a response."""

import base64
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.proxy.transport.raw_http import USER_AGENT, RawResponse, ask, event
from tests.proxy.worker_process import WorkerProcess

CANARY = "canary7f3aXq"
ADDRESS = "203.0.113.251"
AGENT = f"{USER_AGENT} {CANARY}"
# Headers that put a canary address and a canary id in every request.
MARKED = (f"X-Forwarded-For: {ADDRESS}", f"X-Request-Id: {CANARY}")

_GROWTH_MB = 50
_QUIET = {"geo", "listening"}


def _spellings(secret: str) -> set[bytes]:
    plain = secret.encode()
    coded = {plain, plain[::-1], plain.hex().encode(), secret.encode("utf-16-le")}
    # Base64 of a part of a longer text: its edges depend on the text around it.
    for shift in range(3):
        coded.add(base64.b64encode(b"\0" * shift + plain)[4:-4])
    return coded


_NEEDLES = (
    _spellings(CANARY)
    | _spellings(ADDRESS)
    | {ipaddress.ip_address(ADDRESS).packed, CANARY.lower().encode()}
)


def canary_bytes_in(data: bytes) -> list[bytes]:
    """Return the canaries in *data*, in any encoding."""
    return [needle for needle in _NEEDLES if needle in data]


def check_answer(answer: RawResponse) -> None:
    """Check that *answer* is a client error without bytes from the request."""
    assert 400 <= answer.status < 500
    assert canary_bytes_in(repr(answer).encode() + answer.body) == []
    assert b"Traceback" not in answer.body


@contextmanager
def worker_without_leaks(folder: Path, **proxy: Any) -> Iterator[WorkerProcess]:
    """Run a worker that must stay alive, bound its memory and log nothing unusual."""
    believed = {"client_ip": "xff", "trusted_proxies": ["127.0.0.1"]}
    with WorkerProcess(folder, proxy={**believed, **proxy}) as worker:
        before_mb = worker.resident_mb
        yield worker

        assert ask(worker.port, event()).status == 202
        assert worker.resident_mb < before_mb + _GROWTH_MB
        assert worker.stop() == 0
    assert set(worker.words) <= _QUIET
    assert canary_bytes_in(worker.written()) == []
