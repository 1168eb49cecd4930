"""What stands at our own paths: the native protocol, the tag, the visitor's choice."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.intake.intake import ONE_ACCEPTED, Intake, Receipt
from proxy.pipeline.hit import decode_hits
from proxy.pipeline.opt_out import has_opted_out
from proxy.protocols import native
from proxy.routes import opt_out_page
from proxy.routes.receipt import when_durable
from proxy.routes.sender import sender_of
from proxy.routes.tag import TAG_HEADERS
from proxy.transport.body import refuse_encoded
from proxy.transport.cors import Cors, allow
from proxy.transport.dispatcher import Methods, Routes
from proxy.transport.request import Request
from proxy.transport.response import (
    RETRY_AFTER,
    PendingResponse,
    Response,
    json_response,
)

# A site has few origins; but anyone may put any port behind its name.
_MOST_ORIGINS = 64
_NO_STORE = {"Cache-Control": "no-store"}
_PIXEL_HEADERS = {
    "Content-Type": "image/gif",
    # A page that isolates itself may still show a pixel of another host.
    "Cross-Origin-Resource-Policy": "cross-origin",
    **_NO_STORE,
}
_HEALTHY = Response(
    HTTPStatus.OK,
    b"ok\n",
    {"Content-Type": "text/plain; charset=utf-8", **_NO_STORE},
)


class Readiness(msgspec.Struct, frozen=True):
    """Whether events can be taken; *problems* may exist that do not hinder that."""

    ready: bool
    problems: dict[str, str]


class OwnRoutes:
    """Our own routes, each a function from a request to its answer."""

    def __init__(
        self,
        settings: ProxySettings,
        *,
        intake: Intake,
        clients: ClientSource,
        cors: Cors,
        tag: bytes,
        readiness: Callable[[], Readiness],
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._clients = clients
        self._cors = cors
        # The same bytes for everybody and no validator: nothing to recognise a
        # browser by (TRUST L-20).
        self._tag = Response(HTTPStatus.OK, tag, {**TAG_HEADERS})
        self._readiness = readiness
        self._accepted: dict[str | None, Response] = {}

    def routes(self) -> Routes:
        """Return what stands at which path."""
        return Routes(self._paths())

    def _paths(self) -> dict[str, Methods]:
        return {
            native.EVENTS_PATH: {"POST": self._events, "OPTIONS": self._preflight},
            native.PIXEL_PATH: {"GET": self._pixel},
            self._settings.tag_path: {"GET": self._script, "HEAD": self._script},
            native.VISIT_TOKEN_PATH: {
                "GET": self._visit_token,
                "OPTIONS": self._preflight,
            },
            opt_out_page.PATH: {"GET": self._opt_out, "POST": self._choose},
            "/healthz": {"GET": self._health, "HEAD": self._health},
            "/readyz": {"GET": self._ready, "HEAD": self._ready},
        }

    def _events(self, request: Request) -> Response | PendingResponse:
        refuse_encoded(request.headers)
        hits = decode_hits(request.body, self._settings.max_events)
        sender = sender_of(request, native.NAME, self._clients)
        taken = self._intake.take(hits, sender)
        return when_durable(taken, self._answer(request, taken.receipt))

    def _answer(self, request: Request, receipt: Receipt) -> Response:
        origin = self._cors.origin(request.headers)
        if receipt is ONE_ACCEPTED:
            return self._accepted.get(origin) or self._accept_from(origin)
        headers = {**allow(origin), **self._debug(receipt)}
        body = native.encode_receipt(receipt)
        return json_response(HTTPStatus.ACCEPTED, body, headers)

    def _accept_from(self, origin: str | None) -> Response:
        if len(self._accepted) >= _MOST_ORIGINS:
            self._accepted.clear()
        body = native.encode_receipt(ONE_ACCEPTED)
        answer = json_response(HTTPStatus.ACCEPTED, body, allow(origin))
        self._accepted[origin] = answer
        return answer

    def _debug(self, receipt: Receipt) -> dict[str, str]:
        return receipt.debug_headers() if self._settings.debug_header else {}

    def _preflight(self, request: Request) -> Response:
        headers = self._cors.preflight(request.headers)
        return Response(HTTPStatus.NO_CONTENT, b"", headers)

    def _pixel(self, request: Request) -> Response | PendingResponse:
        hit = native.pixel_hit(request.query, request.headers)
        sender = sender_of(request, native.NAME, self._clients)
        taken = self._intake.take([hit], sender)
        headers = {**_PIXEL_HEADERS, **self._debug(taken.receipt)}
        return when_durable(taken, Response(HTTPStatus.OK, native.PIXEL, headers))

    def _visit_token(self, request: Request) -> Response:
        hit = native.pixel_hit(request.query, request.headers)
        sender = sender_of(request, native.NAME, self._clients)
        body = msgspec.json.encode({"visit": self._intake.visit_token(hit, sender)})
        headers = self._cors.headers(request.headers)
        return json_response(HTTPStatus.OK, body + b"\n", headers)

    def _script(self, _request: Request) -> Response:
        return self._tag

    def _opt_out(self, request: Request) -> Response:
        opted_out = has_opted_out(request.headers)
        page = opt_out_page.opt_out_page(opted_out=opted_out).encode()
        return Response(HTTPStatus.OK, page, opt_out_page.HEADERS)

    def _choose(self, request: Request) -> Response:
        refuse_encoded(request.headers)
        headers = opt_out_page.choice_headers(request.body, request.headers)
        return Response(HTTPStatus.SEE_OTHER, b"", headers)

    def _health(self, _request: Request) -> Response:
        return _HEALTHY

    def _ready(self, _request: Request) -> Response:
        state = self._readiness()
        body = msgspec.json.encode(state) + b"\n"
        if state.ready:
            return json_response(HTTPStatus.OK, body)
        return json_response(HTTPStatus.SERVICE_UNAVAILABLE, body, RETRY_AFTER)
