"""Requests of real clients as they were recorded, to be replayed byte by byte.

They were made with invented persons; `trim_captures.py` took them in.
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
# The site the recorded clients named, in every protocol that needs no certain form.
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
    """One request, header names as they were spelled; paths have no prefix."""

    client: str
    # How the client was set up, and what the request brought: "gzip: $pageview".
    name: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    # How many events the vendor would have counted; none in settings and the like.
    events: int

    @property
    def protocol(self) -> Protocol:
        """What the client speaks."""
        return _PROTOCOLS[self.client.partition("-")[0]]

    @property
    def id(self) -> str:
        """A name for the test that replays it."""
        return f"{self.client}, {self.name[:40]}"

    def raw(
        self,
        *,
        host: str = "shop.example",
        prefix: str = "",
        changes: Mapping[str, str | None] | None = None,
    ) -> bytes:
        """Return the request as bytes for *host*, below *prefix*.

        *changes* add headers, or with None leave one out; names are in lower case.
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
        """Return it as the recorder would have, for `decode`."""
        return RecordedRequest(
            method=self.method,
            path=self.path,
            query=self.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
        )


def clients() -> list[str]:
    """Return the clients that were recorded."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def captured(client: str) -> tuple[CapturedRequest, ...]:
    """Return what *client* sent, in its order."""
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
