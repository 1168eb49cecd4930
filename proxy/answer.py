"""Answers: ordinary ones, and on the hot path a whole message written in one go."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

# Said instead of the library's name and version, which help nobody but attackers.
_SERVER = {"Server": "Millpond"}


def full_answer(
    status: HTTPStatus, body: bytes, headers: dict[str, str]
) -> web.Response:
    """Return an ordinary answer."""
    return web.Response(status=status, body=body, headers={**_SERVER, **headers})


def json_answer(
    status: HTTPStatus, body: bytes, headers: dict[str, str]
) -> web.Response:
    """Return a JSON answer that no cache keeps."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        **headers,
    }
    return full_answer(status, body, headers)


class QuickAnswer(web.StreamResponse):
    """An HTTP/1.1 answer whose bytes are ready.

    aiohttp spends a quarter of a small request on building and serialising response
    headers (benchmarks/RESULTS.md); ours never change, so they are written as they
    are. Anything unusual goes through ``web.Response``.
    """

    def __init__(self, wire: bytes, *, keep_alive: bool = True) -> None:
        super().__init__()
        self._wire = wire
        self._stays_open = keep_alive

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Write the whole answer."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._wire)
        if request.protocol.writing_paused:
            # It sends on without reading its answers: those may not pile up here.
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: ``prepare`` wrote everything."""

    @property
    def keep_alive(self) -> bool:
        """Say whether the connection stays open."""
        return self._stays_open


def wire_bytes(
    status: HTTPStatus, body: bytes, headers: dict[str, str], date: str
) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Date: {date}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("ascii") + body
