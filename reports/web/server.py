"""Listens for the private server, with a limit of connections.

The messages of aiohttp quote requests, so they are neither logged nor sent.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from config.descriptors import descriptor_limits, fitting_connections
from config.errors import MillpondError
from config.logs import log_event
from config.settings import ReportsSettings
from reports.web.middlewares import HEADERS
from reports.web.responses import bad_request_response, refusal_response

_LOG = logging.getLogger("millpond.reports")
_MAX_CONNECTIONS: Final = 256
# For the files of a query over many days, and for other open files of the process.
_RESERVED_FILES: Final = 128
_SHUTDOWN_S: Final = 10
_OPTIONS: Final[dict[str, Any]] = {
    "access_log": None,
    "auto_decompress": False,
    "keepalive_timeout": 15,
    "lingering_time": 2.0,
}


@asynccontextmanager
async def listening(
    app: web.Application, settings: ReportsSettings
) -> AsyncIterator[int]:
    """Serve *app* while the context lasts; yield the port."""
    limit, _ = descriptor_limits()
    max_connections = fitting_connections(_MAX_CONNECTIONS, limit, _RESERVED_FILES)
    runner = web.AppRunner(app, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        listener = await _listen(_silent_server(runner), max_connections, settings)
        try:
            port = listener.sockets[0].getsockname()[1]
            log_event(_LOG, "listening", host=settings.host, port=port)
            yield port
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _listen(
    server: web.Server, max_connections: int, settings: ReportsSettings
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            lambda: _ConnectionLimiter(server, max_connections),
            settings.host,
            settings.port,
        )
    except OSError as error:
        raise MillpondError(
            f"listen on {settings.host}:{settings.port}: {error.strerror}",
            hint="stop the program that uses this port, or set another reports.port",
        ) from None


def _silent_server(runner: web.AppRunner) -> web.Server:
    """Return the server of *runner*, with our own text for errors of aiohttp.

    aiohttp refuses an unknown ``Expect`` before any middleware runs, and quotes it.
    """
    server = runner.server
    if server is None:
        raise RuntimeError("the runner has no server before its setup")
    handle = server.request_handler

    async def handle_silently(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handle(request)
        except web.HTTPException as error:
            return refusal_response(error)

    server.request_handler = handle_silently
    return server


class _Connection(web.RequestHandler):
    """One connection; the response to an invalid request does not quote it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """Return a response with *status* and a constant text."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the response was already sent")
        response = bad_request_response(HTTPStatus(status))
        response.headers.update(HEADERS)
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing, because these messages name the client and quote the request."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing."""


class _ConnectionLimiter(asyncio.Protocol):
    """Passes a new connection to aiohttp, or closes it if too many are open."""

    def __init__(self, server: web.Server, max_connections: int) -> None:
        self._server = server
        self._max_connections = max_connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Check the limit here, where aiohttp starts to count the connection."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("the transport of a connection must be a stream")
        if len(self._server.connections) >= self._max_connections:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        connection = _Connection(self._server, loop=loop, **_OPTIONS)
        transport.set_protocol(connection)
        connection.connection_made(transport)
