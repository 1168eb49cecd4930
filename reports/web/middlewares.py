"""Headers, error handling and the caller check for every request."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from reports.web.host_check import is_own_host, is_own_origin
from reports.web.responses import RefusedRequestError, error_response

# The configured host, an accepted value of ``Host`` like addresses and localhost.
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
    # Replaces the library's name and version, which help only attackers.
    "Server": "Millpond",
    "X-Content-Type-Options": "nosniff",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to every response."""
    response.headers.update(HEADERS)


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a response that does not quote the request."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - no error text may quote the request
        return error_response(error)


@web.middleware
async def check_caller(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests for another host and from pages of other origins."""
    hosts = request.headers.getall("Host", [])
    host = hosts[0] if len(hosts) == 1 else None
    if host is None or not is_own_host(host, request.app[HOST]):
        raise RefusedRequestError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "the host must be localhost, an IP address or the setting reports.host",
        )
    if not is_own_origin(request.headers.get("Origin"), host):
        raise RefusedRequestError(
            HTTPStatus.FORBIDDEN, "requests from pages of other origins are refused"
        )
    return await handler(request)
