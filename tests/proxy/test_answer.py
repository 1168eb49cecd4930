"""Answers whose bytes are ready: whole, in order, and never piling up in memory."""

import asyncio
from http import HTTPStatus

import pytest
from aiohttp import web

from proxy.answer import QuickAnswer, wire_bytes
from tests.proxy.in_process import served

DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
# So large that a few fill what lies between two sockets.
LARGE = b"x" * 1_000_000


def test_an_answer_is_these_bytes() -> None:
    got = wire_bytes(HTTPStatus.ACCEPTED, b"{}", {"Cache-Control": "no-store"}, DATE)

    assert got == (
        b"HTTP/1.1 202 Accepted\r\nCache-Control: no-store\r\n"
        b"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}"
    )


async def test_an_answer_is_written_as_it_is_and_the_connection_kept() -> None:
    wire = wire_bytes(HTTPStatus.OK, b"ok", {}, DATE)

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return QuickAnswer(wire)

    async with served(answer) as (reader, writer):
        for _ in range(3):
            writer.write(REQUEST)

            assert await reader.readexactly(len(wire)) == wire


async def test_the_last_answer_closes_the_connection() -> None:
    wire = wire_bytes(HTTPStatus.OK, b"ok", {}, DATE)

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return QuickAnswer(wire, keep_alive=False)

    async with served(answer) as (reader, writer):
        writer.write(REQUEST * 2)

        assert await reader.read() == wire


async def test_who_does_not_read_is_given_no_more_answers() -> None:
    wire = wire_bytes(HTTPStatus.OK, LARGE, {}, DATE)
    given = 0

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        nonlocal given
        given += 1
        return QuickAnswer(wire)

    count = 100
    async with served(answer) as (reader, writer):
        writer.write(REQUEST * count)
        for _ in range(5_000):
            await asyncio.sleep(0)
        while_deaf = given
        got = await reader.readexactly(len(wire) * count)

    assert 0 < while_deaf < count // 2
    assert got == wire * count


async def test_to_a_client_that_has_gone_nothing_is_written() -> None:
    outcome: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    heard, gone = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        heard.set()
        await gone.wait()
        while request.transport is not None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        with pytest.raises(ConnectionResetError) as caught:
            await QuickAnswer(b"").prepare(request)
        outcome.set_result(caught.value)
        raise caught.value

    async with served(answer) as (_, writer):
        writer.write(REQUEST)
        await heard.wait()
        writer.close()
        gone.set()

        assert "gone" in str(await asyncio.wait_for(outcome, 20))
