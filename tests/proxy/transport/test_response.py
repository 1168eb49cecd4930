"""Prepared responses are written completely and in order, with bounded memory."""

import asyncio
from http import HTTPStatus

import pytest
from aiohttp import web

from proxy.transport.response import DateHeader, Response, json_response
from proxy.transport.server import RawResponse
from tests.proxy.in_process_server import served

DATE = b"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
# So large that a few responses fill the buffers between two sockets.
LARGE = b"x" * 1_000_000


def wire_of(body: bytes) -> bytes:
    """Return the bytes of a response with *body*."""
    return Response(HTTPStatus.OK, body).encode(DATE)


def test_a_response_has_these_bytes() -> None:
    answer = json_response(HTTPStatus.ACCEPTED, b"{}", {"Vary": "Origin"})

    assert answer.encode(DATE) == (
        b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
        b"Cache-Control: no-store\r\nVary: Origin\r\nContent-Length: 2\r\n"
        b"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            Response(HTTPStatus.OK, b"ok"), b"Content-Length: 2", id="to HEAD"
        ),
        pytest.param(
            Response(HTTPStatus.NO_CONTENT), b"204 No Content", id="no content"
        ),
    ],
)
def test_a_response_without_a_body_ends_after_its_headers(
    answer: Response, expected: bytes
) -> None:
    got = answer.encode(DATE, to_head=True, connection=b"Connection: close\r\n")

    assert got.endswith(expected + b"\r\n" + DATE + b"Connection: close\r\n\r\n")


def test_the_date_header_is_cached_per_second() -> None:
    dates = DateHeader()

    got = [dates.line(at_s) for at_s in (0.0, 0.9, 1_000.0)]

    assert got == [
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        b"Date: Thu, 01 Jan 1970 00:16:40 GMT\r\n",
    ]


async def test_a_response_is_written_unchanged_and_keeps_the_connection() -> None:
    wire = wire_of(b"ok")

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return RawResponse(wire)

    async with served(answer) as (reader, writer):
        for _ in range(3):
            writer.write(REQUEST)

            assert await reader.readexactly(len(wire)) == wire


async def test_a_closing_response_closes_the_connection() -> None:
    wire = wire_of(b"ok")

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return RawResponse(wire, keep_alive=False)

    async with served(answer) as (reader, writer):
        writer.write(REQUEST * 2)

        assert await reader.read() == wire


async def test_a_client_that_does_not_read_gets_no_more_responses() -> None:
    wire = wire_of(LARGE)
    written = 0

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal written
        written += 1
        return RawResponse(wire)

    count = 100
    async with served(answer) as (reader, writer):
        writer.write(REQUEST * count)
        for _ in range(5_000):
            await asyncio.sleep(0)
        while_deaf = written
        got = await reader.readexactly(len(wire) * count)

    assert 0 < while_deaf < count // 2
    assert got == wire * count


async def test_nothing_is_written_to_a_disconnected_client() -> None:
    outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    requested, gone = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        requested.set()
        await gone.wait()
        while request.transport is not None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        with pytest.raises(ConnectionResetError) as caught:
            await RawResponse(b"").prepare(request)
        outcome.set_result(caught.value)
        raise caught.value

    async with served(answer) as (_, writer):
        writer.write(REQUEST)
        await requested.wait()
        writer.close()
        gone.set()

        assert "gone" in str(await asyncio.wait_for(outcome, 20))
