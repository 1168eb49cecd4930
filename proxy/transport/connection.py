"""One client connection on aiohttp's server: silent, patient to a point, and quick.

The framework's own error path logs the client's address and repeats bytes of the
request in its answer; both are replaced here. And a client that trickles its headers,
or does not read its answers, is held by the framework for as long as it likes.

A request that came whole, on a connection that was waiting for it, is answered
without a task, a request object or a response object of the framework's: those cost
more than all we do with an event (benchmarks/RESULTS.md). Its parser still reads every
byte, and everything unusual takes its ordinary way. Each name of the framework's that
this needs and that is not documented is listed in ``aiohttp_private.py``.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from multidict import istr

from proxy.transport.dispatcher import Dispatcher
from proxy.transport.request import Request
from proxy.transport.response import Response

# A client that says nothing sensible is told so, and nothing of it is repeated.
_NOT_HTTP = b"this is not a request Millpond understands\n"
_NOT_HTTP_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    # Said instead of the library's name and version, which help nobody but attackers.
    "Server": "Millpond",
}
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_EXPECT = istr("Expect")
# What a client may send ahead while it waits for an answer.
_MOST_HELD_BYTES = 65_536


class _FastPathParser:
    """Stands before the framework's parser and takes out what is answered quickly."""

    def __init__(self, parser: Any, connection: "SilentConnection") -> None:
        self._parser = parser
        self._connection = connection
        self.message_consumed = parser.message_consumed
        self.pause_reading = parser.pause_reading
        self.set_upgraded = parser.set_upgraded
        self.feed_eof = parser.feed_eof

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        """Return the messages that are left for the framework."""
        messages, upgraded, tail = self._parser.feed_data(data)
        if messages:
            self._connection.request_has_come(messages[-1][1])
            is_alone = len(messages) == 1 and not upgraded
            if is_alone and self._connection.try_answer(*messages[0]):
                self._parser.message_consumed()
                return (), upgraded, tail
        return messages, upgraded, tail


class SilentConnection(RequestHandler):
    """One client connection; its failures are answered without a word about it."""

    __slots__ = (
        "_asked",
        "_body",
        "_dispatcher",
        "_has_come",
        "_headers_due",
        "_held",
        "_peer",
        "_reading_due",
        "_timeout_s",
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
        self._parser: Any = _FastPathParser(self._parser, self)
        self._timeout_s = timeout_s
        self._dispatcher = dispatcher
        self._peer: str | None = None
        # The request whose answer waits for the disk, and what came behind it.
        self._asked: Request | None = None
        self._held = bytearray()
        # Of the request that came last: what comes before its end belongs to it.
        self._body: Any = None
        self._has_come = False
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the first request must have come whole, but for its body, in time."""
        super().connection_made(transport)
        name = transport.get_extra_info("peername")
        self._peer = name[0] if isinstance(name, tuple) else None
        self._await_headers()

    async def start(self) -> None:
        """Answer requests; one that was refused is over before its task begins."""
        if self._manager is not None:
            await super().start()

    def data_received(self, data: bytes) -> None:
        """Take what came; what begins a request must be followed by its headers."""
        if self._asked is not None:
            self._hold(data)
            return
        if not data:
            super().data_received(data)
            return
        begins = self._body is None or self._body.is_eof()
        self._has_come = False
        super().data_received(data)
        if begins and not self._has_come and self._headers_due is None:
            self._await_headers()

    def request_has_come(self, body: Any) -> None:
        """Note that headers have come, and which body follows them."""
        self._has_come = True
        self._body = body
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def try_answer(self, message: RawRequestMessage, body: Any) -> bool:
        """Answer a request that came whole while nothing else is on, or leave it."""
        dispatcher = self._dispatcher
        if (
            dispatcher is None
            or not self._is_idle()
            or self._messages
            or self._paused
            or not body.is_eof()
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
        answer = dispatcher.answer(request)
        if isinstance(answer, Response):
            self._reply(request, answer)
            return True
        self._asked = request
        # The framework's shutdown waits for a request that is in progress.
        self._request_in_progress = True
        answer.durable.add_done_callback(
            partial(self._answer_when_durable, answer.answer)
        )
        return True

    def _answer_when_durable(
        self, answer: Response, durable: "asyncio.Future[None]"
    ) -> None:
        """Give the answer that was waited for, or another; go on with what came."""
        request, self._asked = self._asked, None
        error = durable.exception()
        if request is None or self._dispatcher is None:
            return
        self._request_in_progress = False
        self._reply(
            request,
            answer if error is None else self._dispatcher.failed(request, error),
        )
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self._held:
            self._go_on()

    def _reply(self, request: Request, answer: Response) -> None:
        transport = self.transport
        if transport is None or self._dispatcher is None:
            return
        transport.write(self._dispatcher.wire(request, answer))
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if answer.closes:
            self.force_close()

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > _MOST_HELD_BYTES:
            self._pause_transport_reading()

    def _go_on(self) -> None:
        data = bytes(self._held)
        self._held.clear()
        if self.transport is not None:
            self._resume_transport_reading()
            self.data_received(data)

    def _process_keepalive(self) -> None:
        if self._asked is not None:
            # A disk that is slow is no reason to hang up on who waits for it.
            self._next_keepalive_close_time = (
                self._loop.time() + self._keepalive_timeout
            )
        super()._process_keepalive()

    def _await_headers(self) -> None:
        self._headers_due = self._loop.call_later(
            self._timeout_s, self._give_up_headers
        )

    def _is_idle(self) -> bool:
        waiter = self._waiter
        return waiter is not None and not waiter.done() and self._asked is None

    def _give_up_headers(self) -> None:
        if not self._is_idle():
            # Another request is being answered: the time of this one begins after it.
            self._await_headers()
            return
        self._headers_due = None
        if self.transport is not None:
            self.transport.write(_TOO_SLOW)
            self.force_close()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Go on reading, where it was paused; a body that was read always asks."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

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
        self._held.clear()
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
        answer = web.Response(
            status=HTTPStatus(status), body=_NOT_HTTP, headers=_NOT_HTTP_HEADERS
        )
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the handler has its own boundary, and these name the client."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""
