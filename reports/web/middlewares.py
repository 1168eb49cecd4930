"""What holds for every request to the private server, whatever it asks for."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from reports.web.host_check import is_own_host, is_own_origin
from reports.web.responses import RefusedRequestError, error_response

# The configured host, which may stand in ``Host`` beside addresses and localhost.
HOST: Final = web.AppKey("host", str)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def add_headers(_request: web.Request, answer: web.StreamResponse) -> None:
    """Tell the browser to be careful with every answer."""
    answer.headers.update(HEADERS)


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into an answer that quotes nothing of the request."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may quote input
        return error_response(error)


@web.middleware
async def check_caller(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests under a foreign name, and those of other origins' pages."""
    hosts = request.headers.getall("Host", [])
    host = hosts[0] if len(hosts) == 1 else None
    if host is None or not is_own_host(host, request.app[HOST]):
        raise RefusedRequestError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "this server answers to localhost, to addresses and to reports.host",
        )
    if not is_own_origin(request.headers.get("Origin"), host):
        raise RefusedRequestError(
            HTTPStatus.FORBIDDEN, "pages of other origins are not answered"
        )
    return await handler(request)
