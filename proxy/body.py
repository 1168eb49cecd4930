"""Read a request body within bounds of size and time; refuse what is encoded."""

import asyncio
from http import HTTPStatus

from aiohttp import StreamReader, web


class RefusedBodyError(Exception):
    """The body will not be read; *status* and *problem* say why to the sender."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


async def read_body(
    request: web.BaseRequest, *, most_bytes: int, timeout_s: float
) -> bytes:
    """Return the body, or raise ``RefusedBodyError``.

    Compressed bodies are refused unread: events are small, and inflating is an
    attack surface (TRUST S-02, S-03).
    """
    headers = request.headers
    encoding = headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise RefusedBodyError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"
        )
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    content = request.content
    if content.is_eof():
        # The usual case: the body came with the headers, and no timer is needed.
        body = content.read_nowait(-1)
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        return body
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_chunks(content, most_bytes)
    except TimeoutError:
        raise RefusedBodyError(
            HTTPStatus.REQUEST_TIMEOUT, f"the body took over {timeout_s:g} s"
        ) from None
    except web.RequestPayloadError:
        raise RefusedBodyError(
            HTTPStatus.BAD_REQUEST, "the body broke off or is not what its headers say"
        ) from None


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
