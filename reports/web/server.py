"""The private server: statistics API and overview page. HTTP only, no figures.

It answers this machine and the configured host, never another origin's page. An
error answer names what rule was broken, never a value, a client or a traceback.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from config.descriptors import descriptor_limits, fitting_connections
from config.errors import MillpondError
from config.logs import say
from config.settings import ReportsSettings
from reports.deadline import TooSlowError
from reports.problems import QueryError
from reports.query import MAX_BODY_BYTES, decode_body
from reports.web.host_check import is_own_host, is_own_origin
from reports.web.query_pool import BusyError

_LOG = logging.getLogger("millpond.reports")
_BODY_S: Final = 10
_MOST_CONNECTIONS: Final = 256
# For the files of a question over many days, and what the process holds.
_RESERVED_FILES: Final = 128
_RETRY_AFTER_S: Final = "2"
_HEADERS: Final = {
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

Ask = Callable[[object], Awaitable[dict[str, object]]]
Show = Callable[[Mapping[str, str]], Awaitable[str]]
_Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


class RefusedRequestError(MillpondError):
    """A request that gets *status* and a sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Door:
    """Dispatches requests by path and method; every failure becomes an answer."""

    def __init__(self, settings: ReportsSettings, *, ask: Ask, show: Show) -> None:
        self._settings = settings
        self._ask = ask
        self._show = show
        self._style = files("reports").joinpath("static/style.css").read_text("utf-8")
        self._routes: dict[str, dict[str, _Handler]] = {
            "/": {"GET": self._overview, "HEAD": self._overview},
            "/style.css": {"GET": self._stylesheet, "HEAD": self._stylesheet},
            "/healthz": {"GET": self._health, "HEAD": self._health},
            "/api/v1/query": {"POST": self._query},
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the answer to *request*, whatever it is."""
        try:
            answer = await self._answer(request)
        except MillpondError as error:
            answer = _error_answer(error)
        except OSError as error:
            # No descriptor, or a disk that fails: the question may be asked again.
            say(_LOG, "request_failed", level=logging.ERROR, error=error)
            answer = _busy("the tables cannot be read now")
        except Exception as error:  # noqa: BLE001 - the boundary: nothing may quote input
            say(_LOG, "request_failed", level=logging.ERROR, error=error)
            answer = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
        answer.headers.update(_HEADERS)
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        hosts = request.headers.getall("Host", [])
        host = hosts[0] if len(hosts) == 1 else None
        if host is None or not is_own_host(host, self._settings.host):
            raise RefusedRequestError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this server answers to localhost, to addresses and to reports.host",
            )
        if not is_own_origin(request.headers.get("Origin"), host):
            raise RefusedRequestError(
                HTTPStatus.FORBIDDEN, "pages of other origins are not answered"
            )
        methods = self._routes.get(request.path)
        if methods is None:
            raise RefusedRequestError(HTTPStatus.NOT_FOUND, "there is no such path")
        handler = methods.get(request.method)
        if handler is None:
            answer = _error(HTTPStatus.METHOD_NOT_ALLOWED, "use another method")
            answer.headers["Allow"] = ", ".join(methods)
            return answer
        return await handler(request)

    async def _query(self, request: web.BaseRequest) -> web.Response:
        return _json(HTTPStatus.OK, await self._ask(decode_body(await _body(request))))

    async def _overview(self, request: web.BaseRequest) -> web.Response:
        page = await self._show(request.rel_url.query)
        return web.Response(text=page, content_type="text/html", charset="utf-8")

    async def _stylesheet(self, _request: web.BaseRequest) -> web.Response:
        return web.Response(text=self._style, content_type="text/css", charset="utf-8")

    async def _health(self, _request: web.BaseRequest) -> web.Response:
        return _json(HTTPStatus.OK, {"status": "ok"})


async def _body(request: web.BaseRequest) -> bytes:
    """Return the request's body, within its bounds of size, time and encoding."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as it is, not compressed"
        )
    too_large = RefusedRequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {MAX_BODY_BYTES:,} bytes",
    )
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise RefusedRequestError(
            HTTPStatus.REQUEST_TIMEOUT, f"the body took over {_BODY_S} seconds"
        ) from None
    return bytes(body)


def _error_answer(error: MillpondError) -> web.Response:
    match error:
        case RefusedRequestError():
            answer = _error(error.status, error.message)
            answer.force_close()
        case QueryError():
            answer = _json(HTTPStatus.BAD_REQUEST, error.json())
        case TooSlowError():
            answer = _error(HTTPStatus.UNPROCESSABLE_ENTITY, error.message, error.hint)
        case BusyError():
            answer = _busy(error.message, error.hint)
        case _:
            say(_LOG, "request_failed", level=logging.ERROR, error=error)
            answer = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
    return answer


def _busy(message: str, hint: str | None = None) -> web.Response:
    answer = _error(HTTPStatus.SERVICE_UNAVAILABLE, message, hint)
    answer.headers["Retry-After"] = _RETRY_AFTER_S
    return answer


def _error(status: HTTPStatus, message: str, hint: str | None = None) -> web.Response:
    said = {"error": message} | ({"hint": hint} if hint else {})
    return _json(status, said)


def _json(status: HTTPStatus, value: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value) + b"\n",
        content_type="application/json",
    )


class _SilentConnection(RequestHandler):
    """One connection; what breaks on it is answered without a word about it."""

    __slots__ = ()

    async def start(self) -> None:
        """Answer requests; one that was refused is over before its task begins."""
        if self._manager is not None:
            await super().start()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 - aiohttp's signature
        message: str | None = None,  # noqa: ARG002 - it repeats the request
    ) -> web.StreamResponse:
        """Answer a broken request with its status and a constant text."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was already on its way")
        answer = _error(
            HTTPStatus(status), "this is not a request Millpond understands"
        )
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the door has its own boundary, and these name the client."""

    def log_debug(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


class _SilentServer(web.Server):
    """Makes silent connections, only so many at a time."""

    def __init__(self, handler: Any, most_connections: int) -> None:
        super().__init__(handler)
        self._most_connections = most_connections

    def __call__(self) -> RequestHandler:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": 15,
            "lingering_time": 2.0,
        }
        return _SilentConnection(self, loop=asyncio.get_running_loop(), **options)

    def connection_made(
        self, handler: RequestHandler, transport: asyncio.Transport
    ) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > self._most_connections:
            transport.abort()


async def start(door: Door, settings: ReportsSettings) -> web.ServerRunner:
    """Return the running server; ``cleanup`` of it ends what was begun."""
    limit, _ = descriptor_limits()
    most = fitting_connections(_MOST_CONNECTIONS, limit, _RESERVED_FILES)
    runner = web.ServerRunner(_SilentServer(door.handle, most), shutdown_timeout=10)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        await runner.cleanup()
        raise MillpondError(
            f"listen on {settings.host}:{settings.port}: {error.strerror}",
            hint="stop what listens there, or set another reports.port",
        ) from None
    say(_LOG, "listening", host=settings.host, port=runner.addresses[0][1])
    return runner


async def listen(door: Door, settings: ReportsSettings, stop: asyncio.Event) -> None:
    """Serve until *stop*."""
    runner = await start(door, settings)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()
