"""A connection answers each complete request once, in order, and when durable."""

import asyncio
from http import HTTPStatus

import pytest

from config.errors import MillpondError, Retryable
from proxy.transport.request import Request
from proxy.transport.response import PendingResponse, Response
from proxy.transport.server import SilentServer
from tests.proxy.in_process_server import Streams, connected, dispatcher_server

POST = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
PATIENCE_S = 20


class DiskFullError(Retryable, MillpondError):
    """The error of a journal that cannot store an event."""


class Setup:
    """Answers every request with its body, at once or when the test allows it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.waiting: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()

    def at_once(self, _request: Request) -> Response | PendingResponse:
        """Answer now."""
        return Response(HTTPStatus.OK, b"at once")

    def later(self, request: Request) -> Response | PendingResponse:
        """Answer when the last future of ``waiting`` is done."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bodies.append(request.body)
        self.waiting.append(durable)
        self._changed.set()
        return PendingResponse(durable, Response(HTTPStatus.ACCEPTED, request.body))

    async def has(self, count: int) -> None:
        """Return once *count* requests have arrived."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.bodies) < count:
                await self._changed.wait()
                self._changed.clear()

    def server(self, *, keepalive_s: float = 60) -> SilentServer:
        """Return a server with the handlers of this setup."""
        methods = {"GET": self.at_once, "POST": self.later}
        return dispatcher_server(methods, keepalive_s=keepalive_s)


@pytest.fixture
async def setup() -> Setup:
    return Setup()


async def answer(streams: Streams) -> tuple[int, bytes]:
    """Return the status and body of the next answer."""
    async with asyncio.timeout(PATIENCE_S):
        head = await streams[0].readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
        return int(head.split()[1]), await streams[0].readexactly(length)


async def test_a_response_waits_for_its_durable_result(setup: Setup) -> None:
    async with connected(setup.server()) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        early = asyncio.create_task(answer(streams))
        await asyncio.sleep(0)
        assert not early.done()

        setup.waiting[0].set_result(None)

        assert await early == (202, b"a")


async def test_a_failed_write_gets_503_with_retry_after(setup: Setup) -> None:
    async with connected(setup.server()) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        setup.waiting[0].set_exception(DiskFullError("append: full"))
        status, body = await answer(streams)
        streams[1].write(GET)

        assert (status, b"again" in body) == (503, True)
        assert await answer(streams) == (200, b"at once")


async def test_pipelined_requests_get_responses_in_order(setup: Setup) -> None:
    async with connected(setup.server()) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        streams[1].write(GET + POST[:20])
        await streams[1].drain()
        streams[1].write(POST[20:] + b"b")
        setup.waiting[0].set_result(None)
        await setup.has(2)
        setup.waiting[1].set_result(None)

        got = [await answer(streams) for _ in range(3)]

    assert got == [(202, b"a"), (200, b"at once"), (202, b"b")]


async def test_a_client_that_pipelines_endlessly_is_paused(setup: Setup) -> None:
    count = 3_000
    large = GET[:-2] + b"X-Padding: " + b"x" * 4_000 + b"\r\n\r\n"
    async with connected(setup.server()) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        streams[1].write(large * count)
        # The data exceeds the buffers of sockets and connection, so reading is paused.
        assert streams[1].transport.get_write_buffer_size() > 0

        setup.waiting[0].set_result(None)
        got = [await answer(streams) for _ in range(count + 1)]

    assert got == [(202, b"a")] + [(200, b"at once")] * count


async def test_a_body_in_parts_is_one_request(setup: Setup) -> None:
    async with connected(setup.server()) as streams:
        streams[1].write(POST)
        await streams[1].drain()
        streams[1].write(b"a")
        await setup.has(1)
        setup.waiting[0].set_result(None)

        assert await answer(streams) == (202, b"a")
    assert setup.bodies == [b"a"]


async def test_a_slow_disk_does_not_close_the_connection(setup: Setup) -> None:
    async with connected(setup.server(keepalive_s=0.05)) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        loop = asyncio.get_running_loop()
        loop.call_later(0.3, setup.waiting[0].set_result, None)

        assert await answer(streams) == (202, b"a")
        # Then the server closes the idle connection.
        async with asyncio.timeout(PATIENCE_S):
            assert await streams[0].read() == b""


async def test_a_disconnected_client_is_removed(setup: Setup) -> None:
    server = setup.server()
    async with connected(server) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        streams[1].close()
        async with asyncio.timeout(PATIENCE_S):
            while server.connections:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)

        setup.waiting[0].set_result(None)


async def test_shutdown_waits_for_pending_writes(setup: Setup) -> None:
    server = setup.server()
    async with connected(server) as streams:
        streams[1].write(POST + b"a")
        await setup.has(1)
        server.pre_shutdown()
        end = asyncio.create_task(server.shutdown(PATIENCE_S))
        await asyncio.sleep(0)
        assert not end.done()

        setup.waiting[0].set_result(None)
        await end

        assert await answer(streams) == (202, b"a")
        assert await streams[0].read() == b""
