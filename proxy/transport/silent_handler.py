"""aiohttp's connection handler with an error path that reveals nothing.

aiohttp's own error path logs the client's address and repeats bytes of the request in
its response. Both are replaced here.
"""

from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

_NOT_HTTP = b"this is not a request Millpond understands\n"
_NOT_HTTP_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    # Replaces the library's name and version, which help only attackers.
    "Server": "Millpond",
}


class SilentHandler(RequestHandler):
    """A connection handler whose errors show nothing about the request."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002 - it repeats the request
    ) -> web.StreamResponse:
        """Answer a broken request with its status and a constant text."""
        if request.writer.output_size > 0:
            raise ConnectionError("the response had already started")
        response = web.Response(
            status=HTTPStatus(status), body=_NOT_HTTP, headers=_NOT_HTTP_HEADERS
        )
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing: these messages name the client; our handler logs errors."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing."""
