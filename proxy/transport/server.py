"""The server on which the door stands: aiohttp's low-level one, within bounds.

What came whole is answered by its connection; here stands the patient way, for
requests whose body is still coming, that are sent in a row, or that end a connection.
"""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from proxy.transport.body import RefusedBodyError, read_body
from proxy.transport.connection import SilentConnection
from proxy.transport.dispatcher import Dispatcher
from proxy.transport.request import Request
from proxy.transport.response import Response

_CLOSES = b"Connection: close\r\n"
_STAYS = b"Connection: keep-alive\r\n"
# The framework would answer in the version it was asked in, which we do not speak.
_OTHER_VERSION = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class RawResponse(web.StreamResponse):
    """An answer whose bytes are ready, for the framework to write as they are."""

    def __init__(self, wire: bytes, *, keep_alive: bool = True) -> None:
        super().__init__()
        self._wire = wire
        self._stays_open = keep_alive

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Write the whole answer."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._wire)
        if request.protocol.writing_paused:
            # It sends on without reading its answers: those may not pile up here.
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: ``prepare`` wrote everything."""

    @property
    def keep_alive(self) -> bool:
        """Say whether the connection stays open."""
        return self._stays_open


class SilentServer(web.Server):
    """Makes ``SilentConnection``s, at most *most_connections* at a time.

    Headers, and the reading of an answer, may take *timeout_s*; the time of a body is
    its reader's affair. *door* answers what came whole, *handler* everything else.
    """

    def __init__(
        self,
        handler: Any,
        *,
        dispatcher: Dispatcher | None = None,
        timeout_s: float,
        keepalive_s: float,
        most_connections: int,
    ) -> None:
        super().__init__(handler)
        self._most_connections = most_connections
        self._options: dict[str, Any] = {
            "dispatcher": dispatcher,
            "timeout_s": timeout_s,
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": keepalive_s,
            # A refused body is read on for so long, or the answer would be lost.
            "lingering_time": 1.0,
            "logger": logging.getLogger("millpond.http"),
            "max_line_size": 8_190,
            "max_field_size": 8_190,
            "max_headers": 64,
        }

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return SilentConnection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(
        self, handler: RequestHandler, transport: asyncio.Transport
    ) -> None:
        """Take the connection, or refuse it where there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._most_connections:
            # Left in the backlog it would wait; without a word it could not tell this
            # from a network that fails. So few bytes never wait for the client.
            transport.write(_NO_ROOM)
            transport.close()


class StreamingHandler:
    """Reads a body that is still coming, asks the door, and waits for the disk."""

    def __init__(self, dispatcher: Dispatcher, timeout_s: float) -> None:
        self._dispatcher = dispatcher
        self._timeout_s = timeout_s

    async def __call__(self, asked: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing of it reaches a log, whatever happens."""
        if asked.version.major != 1:
            return RawResponse(_OTHER_VERSION, keep_alive=False)
        request = Request(asked.method, asked.raw_path, asked.headers, asked.remote)
        return self._written(asked, request, await self._answer(asked, request))

    async def _answer(self, asked: web.BaseRequest, request: Request) -> Response:
        try:
            if asked.method == "POST" and self._dispatcher.accepts_body(request):
                request.body = await read_body(
                    asked,
                    most_bytes=self._dispatcher.most_body_bytes,
                    timeout_s=self._timeout_s,
                )
        except RefusedBodyError as refused:
            return self._dispatcher.refused(request, refused)
        answer = self._dispatcher.answer(request)
        if isinstance(answer, Response):
            return answer
        try:
            await answer.durable
        except Exception as error:  # noqa: BLE001 - the door answers for every failure
            return self._dispatcher.failed(request, error)
        return answer.answer

    def _written(
        self, asked: web.BaseRequest, request: Request, answer: Response
    ) -> RawResponse:
        stays = asked.keep_alive and not answer.closes
        if asked.version.minor >= 1:
            wire = self._dispatcher.wire(request, answer, b"" if stays else _CLOSES)
        else:
            wire = self._dispatcher.wire(request, answer, _STAYS if stays else _CLOSES)
            wire = wire.replace(b"1.1", b"1.0", 1)
        return RawResponse(wire, keep_alive=stays)
