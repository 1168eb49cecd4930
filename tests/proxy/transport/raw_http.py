"""Sends HTTP as raw bytes on a socket, also requests that no normal client sends."""

import json
import socket
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

_PATIENCE_S = 20
_CHUNK = 65_536

# The User-Agent of a normal browser.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)
EVENT = b'{"site":"shop","url":"https://shop.example/p/42"}'


class RawResponse(NamedTuple):
    """One HTTP answer with header names in lower case."""

    version: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded from JSON."""
        return json.loads(self.body)


def request(
    method: str = "POST",
    path: str = "/v1/events",
    body: bytes = b"",
    *lines: str,
    version: str = "1.1",
    agent: str = USER_AGENT,
) -> bytes:
    """Return a request with the header *lines* added to those of a browser.

    The function adds a length unless *lines* define the end of the body.
    """
    head = [f"{method} {path} HTTP/{version}", "Host: shop.example"]
    head += [f"User-Agent: {agent}", *lines]
    named = {line.partition(":")[0].lower() for line in lines}
    if body and not named & {"content-length", "transfer-encoding"}:
        head.append(f"Content-Length: {len(body)}")
    return encoded(head) + body


def encoded(head: Iterable[str]) -> bytes:
    """Return header lines as bytes; surrogates encode bytes that are not UTF-8."""
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape")


def event(*lines: str, body: bytes = EVENT, path: str = "/v1/events") -> bytes:
    """Return a POST request with one event or with *body*."""
    return request("POST", path, body, *lines)


def get(path: str, *lines: str, method: str = "GET") -> bytes:
    """Return a request without a body."""
    return request(method, path, b"", *lines)


class Connection:
    """One connection to the server under test."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE_S)
        self._received = b""

    def __enter__(self) -> Self:
        """Return the open connection."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send *data*; a server that has already closed is not an error."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def end(self) -> None:
        """Close the sending side."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, *, to_head: bool = False) -> RawResponse:
        """Return the next answer; with *to_head* it has no body."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = f"{head[0]} ".split(" ", 2)
        headers = dict(_field(line) for line in head[1:-2])
        length = 0 if to_head or status == "204" else _length(headers)
        return RawResponse(version, int(status), headers, self._take(length))

    def rest(self) -> bytes:
        """Return all bytes until the server closes."""
        while self._fill():
            pass
        return self._take(len(self._received))

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            if not self._fill():
                raise AssertionError(f"hung up after {self._received!r}")
        return self._take(self._received.index(mark) + len(mark))

    def _take(self, length: int) -> bytes:
        while len(self._received) < length:
            if not self._fill():
                raise AssertionError("hung up within an answer")
        data, self._received = self._received[:length], self._received[length:]
        return data

    def _fill(self) -> bool:
        try:
            chunk = self._socket.recv(_CHUNK)
        except ConnectionResetError:
            chunk = b""
        self._received += chunk
        return bool(chunk)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def _length(headers: Mapping[str, str]) -> int:
    return int(headers.get("content-length", 0))


def ask(port: int, data: bytes, *, to_head: bool = False) -> RawResponse:
    """Send one request on its own connection, and return the answer."""
    with Connection(port) as connection:
        connection.send(data)
        return connection.answer(to_head=to_head)
