"""aiohttp's low-level server, taught silence: no access log, no echo, own timeouts.

The framework's own error path logs the client's address and repeats bytes of the
request in its answer; both are replaced here.
"""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

# A client that says nothing sensible is told so, and nothing of it is repeated.
_NOT_HTTP = "this is not a request Millpond understands\n"


class SilentConnection(RequestHandler):
    """One client connection; its failures are answered without a word about it."""

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
        answer = web.Response(status=status, text=_NOT_HTTP)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the handler has its own boundary, and these name the client."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


class SilentServer(web.Server):
    """Makes ``SilentConnection``s, at most *most_connections* at a time."""

    def __init__(
        self, handler: Any, *, keepalive_s: float, most_connections: int
    ) -> None:
        super().__init__(handler)
        self._most_connections = most_connections
        self._options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": keepalive_s,
            "lingering_time": 2.0,
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
        """Take the connection, or close it where there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._most_connections:
            transport.abort()
