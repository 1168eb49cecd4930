"""Read a request body that is still arriving, within limits of size and time."""

import asyncio
from http import HTTPStatus

from aiohttp import StreamReader, web
from multidict import MultiMapping, istr

_CONTENT_ENCODING = istr("Content-Encoding")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RefusedBodyError(Exception):
    """The proxy does not read the body; *status* and *problem* tell the sender why."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


async def read_body(
    request: web.BaseRequest, *, max_bytes: int, timeout_s: float
) -> bytes:
    """Return the body as the client sent it, or raise ``RefusedBodyError``."""
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    try:
        _send_continue(request)
        async with asyncio.timeout(timeout_s):
            return await _read_chunks(request.content, max_bytes)
    except TimeoutError:
        raise RefusedBodyError(
            HTTPStatus.REQUEST_TIMEOUT, f"the body took over {timeout_s:g} s"
        ) from None
    except web.RequestPayloadError:
        raise RefusedBodyError(
            HTTPStatus.BAD_REQUEST, "the body is incomplete or contradicts its headers"
        ) from None


def check_size(body: bytes, max_bytes: int) -> None:
    """Raise ``RefusedBodyError`` if *body* is larger than *max_bytes*."""
    if len(body) > max_bytes:
        raise _too_large(max_bytes)


def check_not_encoded(headers: MultiMapping[str]) -> None:
    """Raise ``RefusedBodyError`` for a compressed body.

    Native events are small, and decompression is an attack surface (TRUST S-02, S-03).
    """
    if is_encoded(headers):
        raise RefusedBodyError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"
        )


def is_encoded(headers: MultiMapping[str]) -> bool:
    """Return whether *headers* name any content encoding except ``identity``."""
    if _CONTENT_ENCODING not in headers:
        return False
    lines = headers.getall(_CONTENT_ENCODING)
    return any(line.strip().lower() != "identity" for line in lines)


def _send_continue(request: web.BaseRequest) -> None:
    """Send ``100 Continue`` to a client that asks before it sends a large body."""
    expects = request.headers.get("Expect", "").lower() == "100-continue"
    if expects and request.version.minor == 1 and request.transport is not None:
        request.transport.write(_CONTINUE)


async def _read_chunks(content: StreamReader, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> RefusedBodyError:
    return RefusedBodyError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {max_bytes} bytes"
    )
