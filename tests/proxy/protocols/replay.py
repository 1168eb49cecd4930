"""What vendors' real clients sent, played again to a real worker.

A file in ``captures/`` is a list of requests: ``name``, ``method``, ``path``,
``query``, ``headers``, ``body_base64``; other keys are passed over. Everybody in them
is made up.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.proxy.spool_reader import Spooled
from tests.proxy.transport.raw_http import Answer, ask, encoded
from tests.proxy.worker_process import WorkerProcess

_CAPTURES = Path(__file__).parent / "captures"
# A segment that is sealed just then could be looked for under its old name.
UNSEALED = {"segment_max_s": 300}
# What the way of a request sets anew.
_OF_THE_WAY = frozenset({"host", "content-length", "connection"})


class Captured(NamedTuple):
    """One request of a client."""

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
    """What tells one stored event from another."""

    name: str
    path: str | None
    value_minor: int | None
    currency: str | None


class Lately:
    """A running worker, of whose spool only what came since is seen.

    So tests may share one, which takes a while to start; its spool is ``UNSEALED``.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.port = worker.port
        before = worker.spooled
        self._events, self._drops = len(before.events), len(before.drops)

    @property
    def spooled(self) -> Spooled:
        """What its spool holds now that it did not hold before."""
        now = self.worker.spooled
        return now._replace(
            events=now.events[self._events :], drops=now.drops[self._drops :]
        )


Worker = WorkerProcess | Lately


def captured(name: str, *beginnings: str) -> list[Captured]:
    """Return the requests of ``captures/NAME.json``, in order.

    With *beginnings* only those whose name begins with one of them.
    """
    listed = json.loads((_CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    requests = [_request(entry) for entry in listed]
    return [
        request for request in requests if request.name.startswith(beginnings or "")
    ]


def _request(entry: Mapping[str, Any]) -> Captured:
    headers = {
        name: value
        for name, value in entry["headers"].items()
        if name.lower() not in _OF_THE_WAY
    }
    body = base64.b64decode(entry.get("body_base64") or "")
    query = entry.get("query") or ""
    return Captured(entry["name"], entry["method"], entry["path"], query, headers, body)


def replay(
    worker: Worker,
    requests: Iterable[Captured],
    *lines: str,
    host: str = "shop.example",
    prefix: str = "",
) -> list[Answer]:
    """Send *requests* one after the other, and return their answers."""
    return [
        ask(
            worker.port,
            request.wire(*lines, host=host, prefix=prefix),
            to_head=request.method == "HEAD",
        )
        for request in requests
    ]


def stored(worker: Worker) -> list[Stored]:
    """Return the events of the worker's spool, sorted, each id once.

    The spool may hold what was sent twice; loading it counts an id once, and so
    does this.
    """
    by_id = {event.event_id or object(): event for event in worker.spooled.events}
    small = (
        Stored(event.name, event.path, event.value_minor, event.currency)
        for event in by_id.values()
    )
    return sorted(small, key=str)


def dropped(worker: Worker) -> Counter[tuple[str, str]]:
    """Return how many of the worker's hits were refused, by site and reason."""
    counts: Counter[tuple[str, str]] = Counter()
    for drop in worker.spooled.drops:
        counts[drop.site, drop.reason] += drop.count
    return counts
