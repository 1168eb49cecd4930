"""Answers: bytes ready but for the date, and answers that wait for the disk."""

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
# When to come again after a 503.
RETRY_AFTER = {"Retry-After": "2"}
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Answer:
    """An HTTP/1.1 answer; *closes* says that no other request of the client is read.

    aiohttp spends a quarter of a small request on building and serialising response
    headers (benchmarks/RESULTS.md); ours hardly ever change, so an answer is bytes
    from the start, and one that does not change can be used again.
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

    def wire(
        self, date: bytes, *, to_head: bool = False, connection: bytes = b""
    ) -> bytes:
        """Return the whole answer; *date* and *connection* are header lines.

        *to_head* leaves the body out.
        """
        body = b"" if to_head else self.body
        return b"".join((self._head, date, connection, b"\r\n", body))


def json_answer(
    status: HTTPStatus,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    closes: bool = False,
) -> Answer:
    """Return a JSON answer that no cache keeps."""
    return Answer(status, body, {**_JSON, **(headers or {})}, closes=closes)


class Later(NamedTuple):
    """An answer that holds once *durable* is done; if that fails, another does."""

    durable: "asyncio.Future[None]"
    answer: Answer


class Dates:
    """The ``Date`` line of answers, made once a second."""

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
