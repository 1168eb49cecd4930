"""HTTP in and out: routes, limits, statuses, CORS. No step of the chain lives here."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus

import msgspec
from aiohttp import web

from config.errors import Retryable
from config.logs import say
from config.settings import ProxySettings
from proxy import opt_out_page
from proxy.answer import QuickAnswer, full_answer, json_answer, wire_bytes
from proxy.body import RefusedBodyError, read_body
from proxy.demo_site import Page as DemoPage
from proxy.demo_site import demo_page
from proxy.hit import MalformedBodyError, decode_hits
from proxy.intake import Intake, Receipt
from proxy.opt_out import has_opted_out
from proxy.protocols import native
from proxy.sender import Sender
from proxy.sites import Sites
from proxy.tag import TAG_HEADERS
from proxy.throttle import Throttle

Handler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

_LOG = logging.getLogger("millpond.proxy")
_RETRY_AFTER_S = "2"
_SAY_EVERY_S = 5.0
# A site has few origins; but anyone may put any port behind its name.
_MOST_QUICK = 64
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
}
_DEMO_PATH = "/demo/"
_NO_STORE = {"Cache-Control": "no-store"}
_PIXEL_HEADERS = {
    "Content-Type": "image/gif",
    # A page that isolates itself may still show a pixel of another host.
    "Cross-Origin-Resource-Policy": "cross-origin",
    **_NO_STORE,
}
# The framework would answer in the version it was asked in, which we do not speak.
_OTHER_VERSION = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class Readiness(msgspec.Struct, frozen=True):
    """Whether events can be taken; *problems* may exist that do not hinder that."""

    ready: bool
    problems: dict[str, str]


class Door:
    """Dispatches requests by path and method; every failure becomes an answer."""

    def __init__(
        self,
        settings: ProxySettings,
        *,
        intake: Intake,
        sites: Sites,
        tag: bytes,
        readiness: Callable[[], Readiness],
        clock: Callable[[], float],
        demo: Mapping[str, DemoPage],
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._sites = sites
        self._tag = tag
        self._readiness = readiness
        self._clock = clock
        self._demo = demo
        self._quick: dict[str | None, bytes] = {}
        self._quick_second = 0
        # The log may lie on the very disk that is full.
        self._refusals = Throttle(_SAY_EVERY_S)
        self._failures = Throttle(_SAY_EVERY_S)
        self._routes = self._build_routes()

    def _build_routes(self) -> dict[str, dict[str, Handler]]:
        routes: dict[str, dict[str, Handler]] = {
            native.EVENTS_PATH: {"POST": self._events, "OPTIONS": self._preflight},
            native.PIXEL_PATH: {"GET": self._pixel},
            self._settings.tag_path: {"GET": self._script, "HEAD": self._script},
            opt_out_page.PATH: {"GET": self._opt_out, "POST": self._choose},
            "/healthz": {"GET": self._health, "HEAD": self._health},
            "/readyz": {"GET": self._ready, "HEAD": self._ready},
        }
        prefix = self._settings.path_prefix
        return routes | {prefix + path: methods for path, methods in routes.items()}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing of it reaches a log, whatever happens."""
        if request.version.major != 1:
            return QuickAnswer(_OTHER_VERSION, keep_alive=False)
        path, _, query = request.raw_path.partition("?")
        handler = self._handler(request, path)
        if isinstance(handler, web.Response):
            return handler
        try:
            return await handler(request, query)
        except RefusedBodyError as refused:
            answer = self._problem(request, refused.status, refused.problem)
            answer.force_close()
            return answer
        except MalformedBodyError as malformed:
            return self._problem(request, HTTPStatus.BAD_REQUEST, malformed.problem)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of STYLE 3.6
            return self._failed(request, error)

    def _handler(self, request: web.BaseRequest, path: str) -> Handler | web.Response:
        methods = self._routes.get(path)
        if methods is None and self._demo:
            methods = self._demo_methods(path)
        if methods is None:
            return self._problem(request, HTTPStatus.NOT_FOUND, "nothing at this path")
        handler = methods.get(request.method)
        if handler is not None:
            return handler
        status = HTTPStatus.METHOD_NOT_ALLOWED
        allow = {"Allow": ", ".join(methods)}
        return self._problem(request, status, "not with this method", allow)

    def _failed(self, request: web.BaseRequest, error: Exception) -> web.Response:
        if isinstance(error, Retryable):
            if count := self._refusals.count(self._clock()):
                say(_LOG, "refused", level=logging.WARNING, error=error, count=count)
            return self._problem(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the events were not kept; send them again",
                {"Retry-After": _RETRY_AFTER_S},
            )
        if count := self._failures.count(self._clock()):
            say(_LOG, "request_failed", level=logging.ERROR, error=error, count=count)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return self._problem(request, status, "a fault of ours, logged")

    def _problem(
        self,
        request: web.BaseRequest,
        status: HTTPStatus,
        problem: str,
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        """Say what is wrong, also to the script of a known page on another host."""
        origin = self._sites.known_origin(request.headers.get("Origin"))
        body = msgspec.json.encode({"error": problem}) + b"\n"
        return json_answer(status, body, {**_cors(origin), **(headers or {})})

    async def _events(
        self, request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        body = await self._body(request)
        hits = decode_hits(body, self._settings.max_events)
        sender = Sender(request.headers, request.remote, native.NAME)
        receipt = await self._intake.receive(hits, sender)
        return self._answer(request, receipt)

    def _answer(self, request: web.BaseRequest, receipt: Receipt) -> web.StreamResponse:
        origin = self._sites.known_origin(request.headers.get("Origin"))
        body = native.encode_receipt(receipt)
        if (
            body is native.ONE_ACCEPTED
            and request.keep_alive
            and request.version.minor == 1
        ):
            return QuickAnswer(self._quick_wire(origin))
        headers = {**_cors(origin), **self._debug(receipt)}
        return json_answer(HTTPStatus.ACCEPTED, body, headers)

    def _debug(self, receipt: Receipt) -> dict[str, str]:
        if not receipt.dropped or not self._settings.debug_header:
            return {}
        return {"X-Millpond": "dropped " + " ".join(receipt.dropped)}

    def _quick_wire(self, origin: str | None) -> bytes:
        second = int(self._clock())
        if second != self._quick_second:
            self._quick.clear()
            self._quick_second = second
        wire = self._quick.get(origin)
        if wire is None:
            if len(self._quick) >= _MOST_QUICK:
                self._quick.clear()
            headers = {"Content-Type": "application/json", **_NO_STORE, **_cors(origin)}
            wire = self._quick[origin] = wire_bytes(
                HTTPStatus.ACCEPTED,
                native.ONE_ACCEPTED,
                headers,
                formatdate(second, usegmt=True),
            )
        return wire

    async def _preflight(
        self, request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        origin = self._sites.known_origin(request.headers.get("Origin"))
        headers = {**_PREFLIGHT, **_cors(origin)}
        return full_answer(HTTPStatus.NO_CONTENT, b"", headers)

    async def _pixel(self, request: web.BaseRequest, query: str) -> web.StreamResponse:
        hit = native.pixel_hit(query, request.headers)
        sender = Sender(request.headers, request.remote, native.NAME)
        receipt = await self._intake.receive([hit], sender)
        headers = {**_PIXEL_HEADERS, **self._debug(receipt)}
        return full_answer(HTTPStatus.OK, native.PIXEL, headers)

    async def _script(
        self, _request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        # The same bytes for everybody and no validator: nothing to recognise a
        # browser by (TRUST L-20).
        return full_answer(HTTPStatus.OK, self._tag, {**TAG_HEADERS})

    async def _body(self, request: web.BaseRequest) -> bytes:
        return await read_body(
            request,
            most_bytes=self._settings.max_body_bytes,
            timeout_s=self._settings.request_timeout_s,
        )

    async def _opt_out(
        self, request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        opted_out = has_opted_out(request.headers)
        page = opt_out_page.opt_out_page(opted_out=opted_out).encode()
        return full_answer(HTTPStatus.OK, page, opt_out_page.HEADERS)

    async def _choose(
        self, request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        body = await self._body(request)
        headers = opt_out_page.choice_headers(body, request.headers)
        return full_answer(HTTPStatus.SEE_OTHER, b"", headers)

    def _demo_methods(self, path: str) -> dict[str, Handler] | None:
        page = demo_page(self._demo, path.removeprefix(_DEMO_PATH))
        if page is None or not path.startswith(_DEMO_PATH):
            return None

        async def show(_request: web.BaseRequest, _query: str) -> web.StreamResponse:
            headers = {"Content-Type": page.content_type}
            return full_answer(HTTPStatus.OK, page.body, headers)

        return {"GET": show}

    async def _health(
        self, _request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        headers = {"Content-Type": "text/plain; charset=utf-8", **_NO_STORE}
        return full_answer(HTTPStatus.OK, b"ok\n", headers)

    async def _ready(
        self, _request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        state = self._readiness()
        status = HTTPStatus.OK if state.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return json_answer(status, msgspec.json.encode(state) + b"\n", {})


def _cors(origin: str | None) -> dict[str, str]:
    if origin is None:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
