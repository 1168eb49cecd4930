"""aiohttp's low-level server, taught silence and patience that ends.

The framework's own error path logs the client's address and repeats bytes of the
request in its answer; both are replaced here. And a client that trickles its headers,
or does not read its answers, is held by the framework for as long as it likes.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from proxy.answer import full_answer

# A client that says nothing sensible is told so, and nothing of it is repeated.
_NOT_HTTP = b"this is not a request Millpond understands\n"
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class SilentConnection(RequestHandler):
    """One client connection; its failures are answered without a word about it."""

    __slots__ = ("_headers_due", "_reading_due", "_timeout_s")

    def __init__(self, *args: Any, timeout_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timeout_s = timeout_s
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the first request must have come whole, but for its body, in time."""
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Take what came; what begins a request must be followed by its headers."""
        count = self._request_count
        super().data_received(data)
        if self._request_count != count:
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None
        elif self._headers_due is None and self._is_idle():
            self._await_headers()

    def _await_headers(self) -> None:
        self._headers_due = self._loop.call_later(
            self._timeout_s, self._give_up_headers
        )

    def _is_idle(self) -> bool:
        waiter = self._waiter
        return waiter is not None and not waiter.done()

    def _give_up_headers(self) -> None:
        self._headers_due = None
        if self._is_idle() and self.transport is not None:
            self.transport.write(_TOO_SLOW)
            self.force_close()

    def pause_writing(self) -> None:
        """Give a client that does not read its answers the same time to begin."""
        super().pause_writing()
        if self.transport is not None:
            self._reading_due = self._loop.call_later(
                self._timeout_s, self.transport.abort
            )

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        if self._reading_due is not None:
            self._reading_due.cancel()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection and what was due on it."""
        super().connection_lost(exc)
        for due in (self._headers_due, self._reading_due):
            if due is not None:
                due.cancel()

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
        answer = full_answer(HTTPStatus(status), _NOT_HTTP, _TEXT)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the handler has its own boundary, and these name the client."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


class SilentServer(web.Server):
    """Makes ``SilentConnection``s, at most *most_connections* at a time.

    Headers, and the reading of an answer, may take *timeout_s*; the time of a body is
    its reader's affair.
    """

    def __init__(
        self,
        handler: Any,
        *,
        timeout_s: float,
        keepalive_s: float,
        most_connections: int,
    ) -> None:
        super().__init__(handler)
        self._most_connections = most_connections
        self._options: dict[str, Any] = {
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
        """Take the connection, or close it where there are too many."""
        super().connection_made(handler, transport)
        if len(self._connections) > self._most_connections:
            transport.abort()
