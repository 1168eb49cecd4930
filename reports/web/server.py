"""Listens for the private server: bounded in connections, silent about requests.

aiohttp's own messages quote requests. They are neither logged nor sent.
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
_MOST_CONNECTIONS: Final = 256
# For the files of a question over many days, and what the process holds.
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
    """Serve *app* for as long as the context lasts; yields the port."""
    limit, _ = descriptor_limits()
    most = fitting_connections(_MOST_CONNECTIONS, limit, _RESERVED_FILES)
    runner = web.AppRunner(app, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        listener = await _listen(_silent(runner), most, settings)
        try:
            port = listener.sockets[0].getsockname()[1]
            log_event(_LOG, "listening", host=settings.host, port=port)
            yield port
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _listen(
    server: web.Server, most: int, settings: ReportsSettings
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            lambda: _ConnectionLimiter(server, most), settings.host, settings.port
        )
    except OSError as error:
        raise MillpondError(
            f"listen on {settings.host}:{settings.port}: {error.strerror}",
            hint="stop what listens there, or set another reports.port",
        ) from None


def _silent(runner: web.AppRunner) -> web.Server:
    """Return the server of *runner*, with our text where aiohttp's own quotes.

    aiohttp refuses an unknown ``Expect`` before any middleware, and quotes it.
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
    """One connection; bytes that are not a request get an answer without a quote."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002 - it repeats the request
    ) -> web.StreamResponse:
        """Answer a broken request with its status and a constant text."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was already on its way")
        answer = bad_request_response(HTTPStatus(status))
        answer.headers.update(HEADERS)
        return answer

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing: these messages name the client and quote the request."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing."""


class _ConnectionLimiter(asyncio.Protocol):
    """Hands a new connection on to aiohttp, or closes it when *most* are open."""

    def __init__(self, server: web.Server, most: int) -> None:
        self._server = server
        self._most = most

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Decide here: several connections may be made before one is counted."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a connection needs a transport for streams")
        if len(self._server.connections) >= self._most:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        connection = _Connection(self._server, loop=loop, **_OPTIONS)
        transport.set_protocol(connection)
        connection.connection_made(transport)
