"""A small web server for browser tests: it serves pages and records events.

A test with the real proxy overrides ``answer`` and passes the event on.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from config.settings import ProxySettings
from proxy.demo.site import demo_page, load_demo
from proxy.pipeline.hit import decode_hits
from proxy.routes.tag import TAG_HEADERS, tag_script

# Long enough for the slowest machine; a passing test never waits so long.
_PATIENCE_S = 20
_GATE_PATH = "/gate"
# The most events that the tag keeps while they cannot be sent.
_MAX_EVENTS = 100

# The pseudo-status of a cut connection.
NO_ANSWER = 0

Sent = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """One POST: its path, its body and the status of the answer."""

    path: str
    headers: Mapping[str, str]
    event: Sent
    status: int


class TagServer:
    """Serves on a free port; every host name resolves to it, so a test may use any."""

    def __init__(self, proxy: ProxySettings) -> None:
        self.pages: dict[str, str] = {}
        self.received: list[Received] = []
        self.requested: list[str] = []
        # The statuses of the next answers; after them, 202.
        self.statuses: list[int] = []
        # A page that requests /gate waits until the test opens the gate.
        self.gate = asyncio.Event()
        self.port = 0
        self._proxy = proxy
        self._demo = load_demo()
        self._changed = asyncio.Condition()
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        """Start to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def url(self, path: str, host: str = "shop.example") -> str:
        """Return the address of *path* on *host*."""
        return f"http://{host}:{self.port}{path}"

    def tag(self, attributes: str = 'data-site="shop"') -> str:
        """Return the script element that loads the tag from its configured path."""
        src = self._proxy.path_prefix + self._proxy.tag_path
        return f'<script async src="{src}" {attributes}></script>'

    @property
    def events(self) -> list[Sent]:
        """The events received so far, each as it was sent."""
        return [received.event for received in self.received]

    async def named(self, name: str, count: int = 1) -> list[Sent]:
        """Wait for *count* events named *name*, and return them all."""
        await self.until(lambda: len(self._named(name)) >= count)
        return self._named(name)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until the received requests make *is_so* true."""
        async with asyncio.timeout(_PATIENCE_S), self._changed:
            await self._changed.wait_for(is_so)

    async def answer(self, _request: web.BaseRequest, _body: bytes) -> int:
        """Return the status of the answer to an event."""
        return self.statuses.pop(0) if self.statuses else 202

    def _named(self, name: str) -> list[Sent]:
        return [event for event in self.events if event["name"] == name]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        respond = self._record if request.method == "POST" else self._page
        response = await respond(request)
        # On a reused connection, the browser itself repeats a cut request.
        response.force_close()
        async with self._changed:
            self.requested.append(request.path)
            self._changed.notify_all()
        return response

    async def _record(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        # The proxy must be able to decode every event of the tag.
        decode_hits(body, max_hits=_MAX_EVENTS)
        status = await self.answer(request, body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = json.loads(body)
        self.received += [
            Received(request.path, headers, event, status)
            for event in (sent if isinstance(sent, list) else [sent])
        ]
        if status == NO_ANSWER and request.transport is not None:
            request.transport.abort()
        # A page on another origin needs this header to see the answer and retry.
        return web.Response(
            status=status or 500, headers={"Access-Control-Allow-Origin": "*"}
        )

    async def _page(self, request: web.BaseRequest) -> web.Response:
        path = request.path
        if path == _GATE_PATH:
            await self.gate.wait()
            return web.Response()
        if path == self._proxy.path_prefix + self._proxy.tag_path:
            return web.Response(body=tag_script(self._proxy), headers=TAG_HEADERS)
        if path in self.pages:
            html = f'<!doctype html><link rel="icon" href="data:,">{self.pages[path]}'
            return web.Response(text=html, content_type="text/html")
        return self._demo_response(path)

    def _demo_response(self, path: str) -> web.Response:
        folder, _, name = path.rpartition("/")
        page = demo_page(self._demo, name) if folder.endswith("/demo") else None
        if page is None:
            return web.Response(status=404)
        return web.Response(body=page.body, headers={"Content-Type": page.content_type})
