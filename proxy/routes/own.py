"""Millpond's own routes: native protocol, tag, opt-out, health and readiness."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.intake.intake import ONE_ACCEPTED, Intake, Receipt
from proxy.intake.slices import is_large
from proxy.pipeline.hit import decode_hits
from proxy.pipeline.opt_out import has_opted_out
from proxy.protocols import native
from proxy.routes import opt_out_page
from proxy.routes.readiness import Readiness
from proxy.routes.receipt import answer_large, when_durable
from proxy.routes.sender import sender_of
from proxy.routes.tag import TAG_HEADERS
from proxy.transport.body import check_not_encoded
from proxy.transport.cors import Cors, allow_origin
from proxy.transport.dispatcher import Methods, Routes
from proxy.transport.request import Request
from proxy.transport.response import (
    RETRY_AFTER,
    PendingResponse,
    Response,
    json_response,
)

# A site has few origins, but anyone may add any port to the site's name.
_MAX_CACHED_ORIGINS = 64
_NO_STORE = {"Cache-Control": "no-store"}
_PIXEL_HEADERS = {
    "Content-Type": "image/gif",
    # A cross-origin isolated page may still show a pixel from another host.
    "Cross-Origin-Resource-Policy": "cross-origin",
    **_NO_STORE,
}
_HEALTHY = Response(
    HTTPStatus.OK,
    b"ok\n",
    {"Content-Type": "text/plain; charset=utf-8", **_NO_STORE},
)
_FOREIGN_PAGE = Response(
    HTTPStatus.FORBIDDEN,
    b"only this page can take an objection back\n",
    {"Content-Type": "text/plain; charset=utf-8", **_NO_STORE},
)


class OwnRoutes:
    """Millpond's own routes; each handler turns a request into its response."""

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
        # The same bytes for everyone and no validator, so that the tag cannot
        # identify a browser (TRUST L-20).
        self._tag = Response(HTTPStatus.OK, tag, {**TAG_HEADERS})
        self._readiness = readiness
        # The response to one accepted event, by origin.
        self._one_accepted: dict[str | None, Response] = {}

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        return Routes(self._paths())

    def _paths(self) -> dict[str, Methods]:
        return {
            native.EVENTS_PATH: {
                "POST": self._receive_events,
                "OPTIONS": self._answer_preflight,
            },
            native.PIXEL_PATH: {"GET": self._receive_pixel},
            self._settings.tag_path: {"GET": self._send_tag, "HEAD": self._send_tag},
            native.VISIT_TOKEN_PATH: {
                "GET": self._send_visit_token,
                "OPTIONS": self._answer_preflight,
            },
            opt_out_page.PATH: {
                "GET": self._show_opt_out,
                "POST": self._change_opt_out,
            },
            "/healthz": {"GET": self._send_health, "HEAD": self._send_health},
            "/readyz": {"GET": self._send_readiness, "HEAD": self._send_readiness},
        }

    def _receive_events(self, request: Request) -> Response | PendingResponse:
        check_not_encoded(request.headers)
        hits = decode_hits(request.body, self._settings.max_events)
        sender = sender_of(request, native.NAME, self._clients)
        if is_large(len(hits), len(request.body)):
            return answer_large(
                self._intake,
                hits,
                sender,
                lambda pending: self._receipt_response(request, pending.receipt),
            )
        pending = self._intake.receive(hits, sender)
        return when_durable(pending, self._receipt_response(request, pending.receipt))

    def _receipt_response(self, request: Request, receipt: Receipt) -> Response:
        origin = self._cors.origin(request.headers)
        if receipt is ONE_ACCEPTED:
            return self._one_accepted.get(origin) or self._cache_one_accepted(origin)
        headers = {**allow_origin(origin), **self._debug_headers(receipt)}
        body = native.encode_receipt(receipt)
        return json_response(HTTPStatus.ACCEPTED, body, headers)

    def _cache_one_accepted(self, origin: str | None) -> Response:
        if len(self._one_accepted) >= _MAX_CACHED_ORIGINS:
            self._one_accepted.clear()
        body = native.encode_receipt(ONE_ACCEPTED)
        response = json_response(HTTPStatus.ACCEPTED, body, allow_origin(origin))
        self._one_accepted[origin] = response
        return response

    def _debug_headers(self, receipt: Receipt) -> dict[str, str]:
        return receipt.debug_headers() if self._settings.debug_header else {}

    def _answer_preflight(self, request: Request) -> Response:
        headers = self._cors.preflight_headers(request.headers)
        return Response(HTTPStatus.NO_CONTENT, b"", headers)

    def _receive_pixel(self, request: Request) -> Response | PendingResponse:
        hit = native.pixel_hit(request.query, request.headers)
        sender = sender_of(request, native.NAME, self._clients)
        pending = self._intake.receive([hit], sender)
        headers = {**_PIXEL_HEADERS, **self._debug_headers(pending.receipt)}
        return when_durable(pending, Response(HTTPStatus.OK, native.PIXEL, headers))

    def _send_visit_token(self, request: Request) -> Response:
        hit = native.pixel_hit(request.query, request.headers)
        sender = sender_of(request, native.NAME, self._clients)
        body = msgspec.json.encode({"visit": self._intake.visit_token(hit, sender)})
        headers = self._cors.headers(request.headers)
        return json_response(HTTPStatus.OK, body + b"\n", headers)

    def _send_tag(self, _request: Request) -> Response:
        return self._tag

    def _show_opt_out(self, request: Request) -> Response:
        opted_out = has_opted_out(request.headers)
        page = opt_out_page.opt_out_page(opted_out=opted_out).encode()
        return Response(HTTPStatus.OK, page, opt_out_page.HEADERS)

    def _change_opt_out(self, request: Request) -> Response:
        check_not_encoded(request.headers)
        # An objection is taken from anywhere; only the visitor may take it back.
        if opt_out_page.is_withdrawal(request.body) and opt_out_page.is_foreign(
            request.headers, self._cors.origin(request.headers)
        ):
            return _FOREIGN_PAGE
        headers = opt_out_page.choice_headers(request.body, request.headers)
        return Response(HTTPStatus.SEE_OTHER, b"", headers)

    def _send_health(self, _request: Request) -> Response:
        return _HEALTHY

    def _send_readiness(self, _request: Request) -> Response:
        readiness = self._readiness()
        body = msgspec.json.encode(readiness) + b"\n"
        if readiness.ready:
            return json_response(HTTPStatus.OK, body)
        return json_response(HTTPStatus.SERVICE_UNAVAILABLE, body, RETRY_AFTER)
