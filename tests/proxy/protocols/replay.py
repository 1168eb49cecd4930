"""Replays captured requests of real vendor clients to a real worker.

A file in ``captures/`` is a list of requests: ``name``, ``method``, ``path``,
``query``, ``headers``, ``body_base64``; other keys are ignored. All persons in them are
invented.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.proxy.spool_reader import SpoolContent
from tests.proxy.transport.raw_http import RawResponse, ask, encoded
from tests.proxy.worker_process import WorkerProcess

_CAPTURES = Path(__file__).parent / "captures"
# A test could look for a segment under its old name just after it was sealed.
UNSEALED = {"segment_max_s": 300}
# Headers that every replay sets again.
_OF_THE_WAY = frozenset({"host", "content-length", "connection"})


class CapturedRequest(NamedTuple):
    """One captured request of a client."""

    name: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def wire(self, *lines: str, host: str = "shop.example", prefix: str = "") -> bytes:
        """Return the request to *host* below *prefix*, its headers and *lines*."""
        target = f"{prefix}{self.path}{'?' if self.query else ''}{self.query}"
        head = [f"{self.method} {target} HTTP/1.1", f"Host: {host}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            head.append(f"Content-Length: {len(self.body)}")
        return encoded([*head, *lines]) + self.body


class Stored(NamedTuple):
    """The values that identify a stored event in a test."""

    name: str
    path: str | None
    value_minor: int | None
    currency: str | None


class SharedWorker:
    """A running worker that shows only the rows since this object was created.

    Tests share a worker because its start is slow; its spool is ``UNSEALED``.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.port = worker.port
        before = worker.spooled
        self._events, self._drops = len(before.events), len(before.drops)

    @property
    def spooled(self) -> SpoolContent:
        """The rows that its spool received since the start of the test."""
        now = self.worker.spooled
        return now._replace(
            events=now.events[self._events :], drops=now.drops[self._drops :]
        )


Worker = WorkerProcess | SharedWorker


def captured(name: str, *beginnings: str) -> list[CapturedRequest]:
    """Return the requests of ``captures/NAME.json``, in order.

    With *beginnings* only those whose name begins with one of them.
    """
    listed = json.loads((_CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    requests = [_request(entry) for entry in listed]
    return [
        request for request in requests if request.name.startswith(beginnings or "")
    ]


def _request(entry: Mapping[str, Any]) -> CapturedRequest:
    headers = {
        name: value
        for name, value in entry["headers"].items()
        if name.lower() not in _OF_THE_WAY
    }
    body = base64.b64decode(entry.get("body_base64") or "")
    query = entry.get("query") or ""
    return CapturedRequest(
        entry["name"], entry["method"], entry["path"], query, headers, body
    )


def with_bodies(
    requests: Iterable[CapturedRequest], change: Callable[[bytes], bytes]
) -> list[CapturedRequest]:
    """Return *requests* with changed bodies and queries."""
    return [
        request._replace(
            body=change(request.body), query=change(request.query.encode()).decode()
        )
        for request in requests
    ]


def replay(
    worker: Worker,
    requests: Iterable[CapturedRequest],
    *lines: str,
    host: str = "shop.example",
    prefix: str = "",
) -> list[RawResponse]:
    """Send *requests* in order, and return their answers."""
    return [
        ask(
            worker.port,
            request.wire(*lines, host=host, prefix=prefix),
            to_head=request.method == "HEAD",
        )
        for request in requests
    ]


def stored(worker: Worker) -> list[Stored]:
    """Return the events in the spool of the worker, sorted, each id once.

    The spool may contain repeated events. The load counts an id once, and so does
    this function.
    """
    by_id = {event.event_id or object(): event for event in worker.spooled.events}
    small = (
        Stored(event.name, event.path, event.value_minor, event.currency)
        for event in by_id.values()
    )
    return sorted(small, key=str)


def dropped(worker: Worker) -> Counter[tuple[str, str]]:
    """Return how many hits the worker dropped, by site and reason."""
    counts: Counter[tuple[str, str]] = Counter()
    for drop in worker.spooled.drops:
        counts[drop.site, drop.reason] += drop.count
    return counts
