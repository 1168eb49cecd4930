"""Errors of the server get a constant response and are not logged."""

import pytest
from aiohttp import web

from tests.proxy.in_process_server import Handler, served

CANARY = "canary7f3a"
REQUEST = f"GET /{CANARY} HTTP/1.1\r\nHost: {CANARY}\r\n\r\n".encode()


async def fail(_request: web.BaseRequest) -> web.StreamResponse:
    raise ValueError(CANARY)


async def take_too_long(_request: web.BaseRequest) -> web.StreamResponse:
    raise TimeoutError(CANARY)


async def answer_nothing(_request: web.BaseRequest) -> web.StreamResponse:
    nothing: web.StreamResponse = None  # type: ignore[assignment]
    return nothing


async def fail_half_way(request: web.BaseRequest) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"the first half")
    raise ValueError(CANARY)


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (fail, b"500"),
        (take_too_long, b"504"),
        (answer_nothing, b"500"),
        (fail_half_way, b"200"),
    ],
)
async def test_a_failing_handler_gets_a_constant_response(
    caplog: pytest.LogCaptureFixture, handler: Handler, status: bytes
) -> None:
    async with served(handler) as (reader, writer):
        writer.write(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        got = await reader.read()

    assert got.startswith(b"HTTP/1.1 " + status)
    assert CANARY.encode() not in got
    assert b"Traceback" not in got
    assert caplog.records == []


async def test_a_request_that_is_not_http_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(fail) as (reader, writer):
        writer.write(f"{CANARY}\r\n\r\n".encode())
        got = await reader.read()

    assert got.startswith(b"HTTP/1.0 400 Bad Request")
    assert got.endswith(b"this is not a request Millpond understands\n")
    assert caplog.records == []
