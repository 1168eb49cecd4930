"""Recorded requests of real clients, for a replay byte by byte.

All persons in them are invented; `trim_captures.py` selected the requests.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.proxy.transport.raw_http import encoded
from tests.vendors.clients import Protocol
from tests.vendors.recorded_request import RecordedRequest

FOLDER = Path(__file__).parent / "captures"
# The site of the recorded clients, in every protocol without a fixed key format.
KEY = "wire-key-1"
SECRET = "wire-secret"  # noqa: S105 -- invented, as is all in the captures
_WRITTEN_ANEW = {"host", "content-length", "connection"}
_PROTOCOLS = {
    "posthog": Protocol.POSTHOG,
    "medusa": Protocol.POSTHOG,
    "segment": Protocol.SEGMENT,
    "rudderstack": Protocol.RUDDERSTACK,
    "mixpanel": Protocol.MIXPANEL,
    "plausible": Protocol.PLAUSIBLE,
    "umami": Protocol.UMAMI,
    "ga4": Protocol.GA4,
    "ga4mp": Protocol.GA4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRequest:
    """One recorded request with original header names; paths have no prefix."""

    client: str
    # The client's options, and the content of the request: "gzip: $pageview".
    name: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    # The number of events that the vendor would count; 0 for settings requests.
    events: int

    @property
    def protocol(self) -> Protocol:
        """The protocol of the client."""
        return _PROTOCOLS[self.client.partition("-")[0]]

    @property
    def id(self) -> str:
        """The name of the replay test."""
        return f"{self.client}, {self.name[:40]}"

    def raw(
        self,
        *,
        host: str = "shop.example",
        prefix: str = "",
        changes: Mapping[str, str | None] | None = None,
    ) -> bytes:
        """Return the request as bytes for *host* below *prefix*.

        *changes* adds headers, and removes those with the value None; names are in
        lower case.
        """
        changes = changes or {}
        query = f"?{self.query}" if self.query else ""
        head = [f"{self.method} {prefix}{self.path}{query} HTTP/1.1", f"Host: {host}"]
        head += [
            f"{name}: {value}"
            for name, value in self.headers.items()
            if name.lower() not in _WRITTEN_ANEW | changes.keys()
        ]
        head += [f"{name}: {value}" for name, value in changes.items() if value]
        if self.method == "POST":
            head.append(f"Content-Length: {len(self.body)}")
        return encoded(head) + self.body

    def recorded(self) -> RecordedRequest:
        """Return the request in the form of the recorder, for `request_events`."""
        return RecordedRequest(
            method=self.method,
            path=self.path,
            query=self.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
        )


def clients() -> list[str]:
    """Return the names of the recorded clients."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def captured(client: str) -> tuple[CapturedRequest, ...]:
    """Return the requests of *client* in their order."""
    requests = json.loads((FOLDER / f"{client}.json").read_text(encoding="utf-8"))
    return tuple(
        CapturedRequest(
            client=client,
            body=base64.b64decode(request.pop("body_base64")),
            **request,
        )
        for request in requests
    )


def of(protocol: Protocol) -> Iterator[CapturedRequest]:
    """Yield every request of the clients that speak *protocol*."""
    for client in clients():
        for request in captured(client):
            if request.protocol is protocol:
                yield request
