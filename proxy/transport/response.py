"""HTTP responses: encoded except for the date, or pending until a disk write ends."""

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
# When a client should try again after a 503, in seconds.
RETRY_AFTER = {"Retry-After": "2"}
# The header line of a response that ends its connection.
CLOSES = b"Connection: close\r\n"
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Response:
    """An HTTP/1.1 response; *closes* ends the connection after it.

    aiohttp spends a quarter of the time of a small request on building and serialising
    response headers (benchmarks/RESULTS.md). Our headers rarely change, so a response
    is encoded once, and a constant response can be sent again.
    """

    __slots__ = ("_head", "body", "closes", "status")

    def __init__(
        self,
        status: HTTPStatus,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        closes: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.closes = closes
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if status not in _BODILESS:
            lines.append(f"Content-Length: {len(body)}")
        self._head = "\r\n".join([*lines, ""]).encode("ascii")

    def encode(
        self, date: bytes, *, to_head: bool = False, connection: bytes = b""
    ) -> bytes:
        """Return the whole response; *date* and *connection* are header lines.

        *to_head* leaves the body out, as the response to a HEAD request must.
        """
        body = b"" if to_head else self.body
        return b"".join((self._head, date, connection, b"\r\n", body))


def json_response(
    status: HTTPStatus,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    closes: bool = False,
) -> Response:
    """Return a JSON response that caches must not store."""
    return Response(status, body, {**_JSON, **(headers or {})}, closes=closes)


class PendingResponse(NamedTuple):
    """A response to send once *durable* is done; if it fails, send an error instead.

    Without *response*, the result of *durable* is the response.
    """

    durable: "asyncio.Future[None] | asyncio.Future[Response]"
    response: Response | None = None

    def result(self) -> Response:
        """Return the response, once *durable* is done; raises the error it ended in."""
        result = self.durable.result()
        response = self.response or result
        if response is None:
            raise TypeError("a pending response needs a response")
        return response


class DateHeader:
    """The ``Date`` header line, formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self, now_s: float) -> bytes:
        """Return the line for *now_s*."""
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
        return self._line
