"""Values that must be found nowhere: not on a disk, in a log line or in an answer."""

import base64
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.proxy.transport.raw_http import USER_AGENT, Answer, ask, event
from tests.proxy.worker_process import WorkerProcess

CANARY = "canary7f3aXq"
ADDRESS = "203.0.113.251"
AGENT = f"{USER_AGENT} {CANARY}"
# Lines that make every request carry an address and a name of nobody else.
MARKED = (f"X-Forwarded-For: {ADDRESS}", f"X-Request-Id: {CANARY}")

_GROWTH_MB = 50
_QUIET = {"geo", "listening"}


def _spellings(secret: str) -> set[bytes]:
    plain = secret.encode()
    coded = {plain, plain[::-1], plain.hex().encode(), secret.encode("utf-16-le")}
    # Base64 of a part of something longer: the edges depend on what stands around.
    for shift in range(3):
        coded.add(base64.b64encode(b"\0" * shift + plain)[4:-4])
    return coded


_NEEDLES = (
    _spellings(CANARY)
    | _spellings(ADDRESS)
    | {ipaddress.ip_address(ADDRESS).packed, CANARY.lower().encode()}
)


def found_in(data: bytes) -> list[bytes]:
    """Return the canaries of *data*, in whatever spelling."""
    return [needle for needle in _NEEDLES if needle in data]


def check_answer(answer: Answer) -> None:
    """See that *answer* blames the client, in our words and none of its own."""
    assert 400 <= answer.status < 500
    assert found_in(repr(answer).encode() + answer.body) == []
    assert b"Traceback" not in answer.body


@contextmanager
def watched_worker(folder: Path, **proxy: Any) -> Iterator[WorkerProcess]:
    """Run a worker that must stay well, small and silent, whatever it is sent."""
    believed = {"client_ip": "xff", "trusted_proxies": ["127.0.0.1"]}
    with WorkerProcess(folder, proxy={**believed, **proxy}) as worker:
        before_mb = worker.resident_mb
        yield worker

        assert ask(worker.port, event()).status == 202
        assert worker.resident_mb < before_mb + _GROWTH_MB
        assert worker.stop() == 0
    assert set(worker.words) <= _QUIET
    assert found_in(worker.written()) == []
