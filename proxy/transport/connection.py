"""One client connection on aiohttp's server, with a fast path and time limits.

aiohttp alone lets a client send its headers slowly, or ignore its responses, for as
long as the client likes. Here both have a limit.

The fast path answers a request that arrived whole while the connection was idle. It
needs no aiohttp task, request object or response object: those cost more than
everything Millpond does with an event (benchmarks/RESULTS.md). aiohttp's parser still
reads every byte, and aiohttp handles every unusual request. The undocumented aiohttp
attributes used here are listed in ``aiohttp_private.py``.
"""

import asyncio
from functools import partial
from typing import Any

from aiohttp import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from multidict import istr

from proxy.transport.dispatcher import Dispatcher
from proxy.transport.fast_path_parser import FastPathParser
from proxy.transport.request import Request
from proxy.transport.response import CLOSES, PendingResponse, Response
from proxy.transport.silent_handler import SilentHandler

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_EXPECT = istr("Expect")
# How much a client may send ahead while it waits for a response.
_MAX_BUFFERED_BYTES = 65_536


class SilentConnection(SilentHandler):
    """One client connection; its errors show nothing about the client."""

    __slots__ = (
        "_body",
        "_buffer",
        "_dispatcher",
        "_has_headers",
        "_headers_timer",
        "_peer",
        "_pending_request",
        "_timeout_s",
        "_write_timer",
    )

    def __init__(
        self,
        *args: Any,
        timeout_s: float,
        dispatcher: Dispatcher | None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        if self._parser is None:
            raise TypeError("a connection needs a parser")
        self._parser: Any = FastPathParser(
            self._parser, on_headers=self.receive_headers, try_answer=self.try_answer
        )
        self._timeout_s = timeout_s
        self._dispatcher = dispatcher
        self._peer: str | None = None
        # The request whose response waits for the disk, and the bytes after it.
        self._pending_request: Request | None = None
        self._buffer = bytearray()
        # The body of the latest request: until it ends, arriving bytes belong to it.
        self._body: Any = None
        self._has_headers = False
        self._headers_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the connection and the time limit for the first request's headers."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        self._peer = name[0] if isinstance(name, tuple) else None
        self._start_headers_timer()

    async def start(self) -> None:
        """Answer requests, unless the connection was refused before its task began."""
        if self._manager is not None:
            await super().start()

    def data_received(self, data: bytes) -> None:
        """Handle arriving bytes; a request that begins has a limit for its headers."""
        if self._pending_request is not None:
            self._buffer_data(data)
            return
        if not data:
            super().data_received(data)
            return
        begins_request = self._body is None or self._body.is_eof()
        self._has_headers = False
        super().data_received(data)
        if begins_request and not self._has_headers and self._headers_timer is None:
            self._start_headers_timer()

    def receive_headers(self, body: Any) -> None:
        """Record that a request's headers are complete, and which body follows them."""
        self._has_headers = True
        self._body = body
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def try_answer(self, message: RawRequestMessage, body: Any) -> bool:
        """Answer a whole request on an idle connection; False leaves it to aiohttp."""
        dispatcher = self._dispatcher
        if (
            dispatcher is None
            or not self._is_idle()
            or self._messages
            or self._paused
            or not body.is_eof()
            or message.chunked
            or message.should_close
            or message.version != HttpVersion11
            or _EXPECT in message.headers
        ):
            return False
        request = Request(
            message.method,
            message.path,
            message.headers,
            self._peer,
            body.read_nowait(),
        )
        response = dispatcher.answer(request)
        if isinstance(response, Response):
            self._send(request, response)
            return True
        self._pending_request = request
        # aiohttp's shutdown waits for a request that is in progress.
        self._request_in_progress = True
        response.durable.add_done_callback(partial(self._answer_when_durable, response))
        return True

    def _answer_when_durable(
        self, response: PendingResponse, durable: "asyncio.Future[Any]"
    ) -> None:
        """Send the pending response, or an error response if the write failed."""
        request, self._pending_request = self._pending_request, None
        # A cancelled request: the worker ends, and has closed the connection.
        if request is None or self._dispatcher is None or durable.cancelled():
            return
        error = durable.exception()
        self._request_in_progress = False
        self._send(
            request,
            response.result()
            if error is None
            else self._dispatcher.answer_failure(request, error),
        )
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self._buffer:
            self._receive_buffered()

    def _send(self, request: Request, response: Response) -> None:
        transport = self.transport
        if transport is None or self._dispatcher is None:
            return
        if response.closes or self._dispatcher.is_draining:
            transport.write(self._dispatcher.encode(request, response, CLOSES))
            self.force_close()
            return
        transport.write(self._dispatcher.encode(request, response))
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout

    def _buffer_data(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _MAX_BUFFERED_BYTES:
            self._pause_transport_reading()

    def _receive_buffered(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if self.transport is not None:
            self._resume_transport_reading()
            self.data_received(data)

    def _process_keepalive(self) -> None:
        if self._pending_request is not None:
            # A client that waits for a slow disk is not idle: keep its connection.
            self._next_keepalive_close_time = (
                self._loop.time() + self._keepalive_timeout
            )
        super()._process_keepalive()

    def _start_headers_timer(self) -> None:
        self._headers_timer = self._loop.call_later(
            self._timeout_s, self._on_headers_timeout
        )

    def _is_idle(self) -> bool:
        waiter = self._waiter
        return (
            waiter is not None and not waiter.done() and self._pending_request is None
        )

    def _on_headers_timeout(self) -> None:
        if not self._is_idle():
            # Another request is being answered: the time limit starts after it.
            self._start_headers_timer()
            return
        self._headers_timer = None
        if self.transport is not None:
            self.transport.write(_TOO_SLOW)
            self.force_close()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Resume reading only if it was paused; aiohttp calls this after every body."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def pause_writing(self) -> None:
        """Start the time limit for a client that does not read its responses."""
        super().pause_writing()
        if self.transport is not None:
            self._write_timer = self._loop.call_later(
                self._timeout_s, self.transport.abort
            )

    def resume_writing(self) -> None:
        """Continue to send: the client reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Clear the buffer and stop the timers."""
        super().connection_lost(exc)
        self._buffer.clear()
        for timer in (self._headers_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
