"""Read a request body that is still coming, within bounds of size and time."""

import asyncio
from http import HTTPStatus

from aiohttp import StreamReader, web
from multidict import MultiMapping, istr

_CONTENT_ENCODING = istr("Content-Encoding")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RefusedBodyError(Exception):
    """The body will not be read; *status* and *problem* say why to the sender."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


async def read_body(
    request: web.BaseRequest, *, most_bytes: int, timeout_s: float
) -> bytes:
    """Return the body as it was sent, or raise ``RefusedBodyError``."""
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    try:
        _invite(request)
        async with asyncio.timeout(timeout_s):
            return await _read_chunks(request.content, most_bytes)
    except TimeoutError:
        raise RefusedBodyError(
            HTTPStatus.REQUEST_TIMEOUT, f"the body took over {timeout_s:g} s"
        ) from None
    except web.RequestPayloadError:
        raise RefusedBodyError(
            HTTPStatus.BAD_REQUEST, "the body broke off or is not what its headers say"
        ) from None


def check_size(body: bytes, most_bytes: int) -> None:
    """Raise ``RefusedBodyError`` for a body of more than *most_bytes*."""
    if len(body) > most_bytes:
        raise _too_large(most_bytes)


def refuse_encoded(headers: MultiMapping[str]) -> None:
    """Raise ``RefusedBodyError`` for a compressed body.

    Our own events are small, and inflating is an attack surface (TRUST S-02, S-03).
    """
    if is_encoded(headers):
        raise RefusedBodyError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"
        )


def is_encoded(headers: MultiMapping[str]) -> bool:
    """Whether *headers* say that the body is not what it looks like."""
    if _CONTENT_ENCODING not in headers:
        return False
    lines = headers.getall(_CONTENT_ENCODING)
    return any(line.strip().lower() != "identity" for line in lines)


def _invite(request: web.BaseRequest) -> None:
    """Tell a client that asks before it sends a large body to send it."""
    expects = request.headers.get("Expect", "").lower() == "100-continue"
    if expects and request.version.minor == 1 and request.transport is not None:
        request.transport.write(_CONTINUE)


async def _read_chunks(content: StreamReader, most_bytes: int) -> bytes:
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
    return bytes(body)


def _too_large(most_bytes: int) -> RefusedBodyError:
    return RefusedBodyError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {most_bytes} bytes"
    )
