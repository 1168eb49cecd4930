"""Answers on the hot path: a small fixed message, written to the socket in one go."""

from http import HTTPStatus
from typing import Any

from aiohttp import web


def json_answer(
    status: HTTPStatus, body: bytes, headers: dict[str, str]
) -> web.Response:
    """Return an ordinary JSON answer that no cache keeps."""
    return web.Response(
        status=status,
        body=body,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **headers,
        },
    )


class QuickAnswer(web.StreamResponse):
    """An answer whose bytes are ready, for keep-alive HTTP/1.1 clients only.

    aiohttp spends a quarter of a small request on building and serialising response
    headers (benchmarks/RESULTS.md); ours never change, so they are written as they
    are. Anything unusual goes through ``web.Response``.
    """

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self._wire = wire

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Write the whole answer."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._wire)

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: ``prepare`` wrote everything."""

    @property
    def keep_alive(self) -> bool:
        """Say that the connection stays open: these answers serve no other kind."""
        return True


def wire_bytes(
    status: HTTPStatus, body: bytes, headers: dict[str, str], date: str
) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Date: {date}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
