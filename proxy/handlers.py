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
from proxy.answer import QuickAnswer, json_answer, wire_bytes
from proxy.body import RefusedBodyError, read_body
from proxy.demo_site import Page as DemoPage
from proxy.demo_site import demo_page
from proxy.hit import MalformedBodyError, decode_hits
from proxy.intake import Intake, Receipt
from proxy.protocols import native
from proxy.sender import Sender
from proxy.sites import Sites
from proxy.tag import TAG_HEADERS

Handler = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

_LOG = logging.getLogger("millpond.proxy")
_RETRY_AFTER_S = "2"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
}
_DEMO_PATH = "/demo/"
_NO_STORE = {"Cache-Control": "no-store"}


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
        self._routes = self._build_routes()

    def _build_routes(self) -> dict[str, dict[str, Handler]]:
        routes: dict[str, dict[str, Handler]] = {
            native.EVENTS_PATH: {"POST": self._events, "OPTIONS": self._preflight},
            native.PIXEL_PATH: {"GET": self._pixel},
            self._settings.tag_path: {"GET": self._script, "HEAD": self._script},
            "/healthz": {"GET": self._health},
            "/readyz": {"GET": self._ready},
        }
        prefix = self._settings.path_prefix
        return routes | {prefix + path: methods for path, methods in routes.items()}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; nothing of it reaches a log, whatever happens."""
        path, _, query = request.raw_path.partition("?")
        methods = self._routes.get(path)
        if methods is None and self._demo:
            methods = self._demo_methods(path)
        if methods is None:
            return _problem(HTTPStatus.NOT_FOUND, "there is nothing at this path")
        handler = methods.get(request.method)
        if handler is None:
            allow = {"Allow": ", ".join(methods)}
            return _problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "not with this method", allow
            )
        try:
            return await handler(request, query)
        except RefusedBodyError as refused:
            answer = _problem(refused.status, refused.problem)
            answer.force_close()
            return answer
        except MalformedBodyError as malformed:
            return _problem(HTTPStatus.BAD_REQUEST, malformed.problem)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of STYLE 3.6
            return self._failed(error)

    def _failed(self, error: Exception) -> web.Response:
        if isinstance(error, Retryable):
            say(_LOG, "refused", error=error)
            return _problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the events were not kept; send them again",
                {"Retry-After": _RETRY_AFTER_S},
            )
        say(_LOG, "request_failed", level=logging.ERROR, error=error)
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of ours, logged")

    async def _events(
        self, request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        body = await read_body(
            request,
            most_bytes=self._settings.max_body_bytes,
            timeout_s=self._settings.request_timeout_s,
        )
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
        headers = _cors(origin)
        if receipt.dropped and self._settings.debug_header:
            headers["X-Millpond"] = "dropped " + " ".join(receipt.dropped)
        return json_answer(HTTPStatus.ACCEPTED, body, headers)

    def _quick_wire(self, origin: str | None) -> bytes:
        second = int(self._clock())
        if second != self._quick_second:
            self._quick.clear()
            self._quick_second = second
        wire = self._quick.get(origin)
        if wire is None:
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
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    async def _pixel(self, request: web.BaseRequest, query: str) -> web.StreamResponse:
        hit = native.pixel_hit(query, request.headers)
        sender = Sender(request.headers, request.remote, native.NAME)
        await self._intake.receive([hit], sender)
        return web.Response(
            body=native.PIXEL, headers={"Content-Type": "image/gif", **_NO_STORE}
        )

    async def _script(
        self, _request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        # The same bytes for everybody and no validator: nothing to recognise a
        # browser by (TRUST L-20).
        return web.Response(body=self._tag, headers=TAG_HEADERS)

    def _demo_methods(self, path: str) -> dict[str, Handler] | None:
        page = demo_page(self._demo, path.removeprefix(_DEMO_PATH))
        if page is None or not path.startswith(_DEMO_PATH):
            return None

        async def show(_request: web.BaseRequest, _query: str) -> web.StreamResponse:
            return web.Response(
                body=page.body, headers={"Content-Type": page.content_type}
            )

        return {"GET": show}

    async def _health(
        self, _request: web.BaseRequest, _query: str
    ) -> web.StreamResponse:
        return web.Response(text="ok\n", headers=_NO_STORE)

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


def _problem(
    status: HTTPStatus, problem: str, headers: dict[str, str] | None = None
) -> web.Response:
    body = msgspec.json.encode({"error": problem}) + b"\n"
    return json_answer(status, body, headers or {})
