"""The HTTP server: aiohttp's low-level server with limits.

A connection answers requests that arrived whole (``connection.py``). The handler here
answers the rest: requests whose body is still arriving, pipelined requests, and
requests that end a connection.
"""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from multidict import istr

from proxy.transport.body import RefusedBodyError, read_body
from proxy.transport.connection import SilentConnection
from proxy.transport.dispatcher import Dispatcher
from proxy.transport.request import Request
from proxy.transport.response import CLOSES, Response

_STAYS = b"Connection: keep-alive\r\n"
# aiohttp would respond in the request's own HTTP version, which we do not support.
_OTHER_VERSION = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_TRANSFER_ENCODING = istr("Transfer-Encoding")
# HTTP/1.0 knows no chunks, and another coding would change the body: a proxy in front
# may read either in another way.
_OTHER_FRAMING = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class RawResponse(web.StreamResponse):
    """An encoded response that aiohttp writes unchanged."""

    def __init__(self, encoded: bytes, *, keep_alive: bool = True) -> None:
        super().__init__()
        self._encoded = encoded
        self._stays_open = keep_alive

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Write the whole response."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._encoded)
        if request.protocol.writing_paused:
            # The client sends on without reading: its responses must not fill memory.
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: ``prepare`` wrote everything."""

    @property
    def keep_alive(self) -> bool:
        """Return whether the connection stays open."""
        return self._stays_open


class SilentServer(web.Server):
    """Creates a ``SilentConnection`` per client, at most *max_connections* at a time.

    A client may take *timeout_s* to send its headers, and again to read a response;
    the time limit of a body is set where the body is read. *dispatcher* answers
    requests that arrived whole, *handler* all others.
    """

    def __init__(
        self,
        handler: Any,
        *,
        dispatcher: Dispatcher | None = None,
        timeout_s: float,
        keepalive_s: float,
        max_connections: int,
    ) -> None:
        super().__init__(handler)
        self._max_connections = max_connections
        self._dispatcher = dispatcher
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": keepalive_s,
            # How long a refused body is still read: closing at once loses the response.
            "lingering_time": 1.0,
            "logger": logging.getLogger("millpond.http"),
            "max_line_size": 8_190,
            "max_field_size": 8_190,
            "max_headers": 64,
        }

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return SilentConnection(
            self,
            loop=asyncio.get_running_loop(),
            timeout_s=self._timeout_s,
            dispatcher=self._dispatcher,
            **self._options,
        )

    def connection_made(
        self, handler: RequestHandler, transport: asyncio.Transport
    ) -> None:
        """Accept the connection, or refuse it with a 503 if there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._max_connections:
            # In the backlog the client would wait, and without a response it could
            # not tell this from a network fault. A response this short never blocks.
            transport.write(_TOO_MANY_CONNECTIONS)
            transport.close()


class StreamingHandler:
    """Reads the rest of a body, dispatches the request, and waits for the disk."""

    def __init__(self, dispatcher: Dispatcher, timeout_s: float) -> None:
        self._dispatcher = dispatcher
        self._timeout_s = timeout_s

    async def __call__(self, web_request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing of the request is ever logged."""
        if web_request.version.major != 1:
            return RawResponse(_OTHER_VERSION, keep_alive=False)
        if not _is_framing_clear(web_request):
            return RawResponse(_OTHER_FRAMING, keep_alive=False)
        request = Request(
            web_request.method,
            web_request.raw_path,
            web_request.headers,
            web_request.remote,
        )
        response = await self._answer(web_request, request)
        return self._encode(web_request, request, response)

    async def _answer(self, web_request: web.BaseRequest, request: Request) -> Response:
        dispatcher = self._dispatcher
        try:
            if request.method == "POST" and dispatcher.accepts_body(request):
                request.body = await read_body(
                    web_request,
                    max_bytes=dispatcher.max_body_bytes,
                    timeout_s=self._timeout_s,
                )
        except RefusedBodyError as refused:
            return dispatcher.answer_refused(request, refused)
        response = dispatcher.answer(request)
        if isinstance(response, Response):
            return response
        try:
            await response.durable
        except Exception as error:  # noqa: BLE001 - the dispatcher answers every failure
            return dispatcher.answer_failure(request, error)
        return response.result()

    def _encode(
        self, web_request: web.BaseRequest, request: Request, response: Response
    ) -> RawResponse:
        dispatcher = self._dispatcher
        stays = web_request.keep_alive and not (
            response.closes or dispatcher.is_draining
        )
        if web_request.version.minor >= 1:
            encoded = dispatcher.encode(request, response, b"" if stays else CLOSES)
        else:
            line = _STAYS if stays else CLOSES
            encoded = dispatcher.encode(request, response, line)
            encoded = encoded.replace(b"1.1", b"1.0", 1)
        return RawResponse(encoded, keep_alive=stays)


def _is_framing_clear(request: web.BaseRequest) -> bool:
    """Whether the request has no transfer coding, or only chunks in HTTP/1.1."""
    codings = request.headers.getall(_TRANSFER_ENCODING, [])
    if not codings:
        return True
    is_chunked = [coding.strip().lower() for coding in codings] == ["chunked"]
    return is_chunked and request.version.minor >= 1
