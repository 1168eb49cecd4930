"""The routes of vendors' protocols: they read, the one chain decides, they answer."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.intake.intake import Intake
from proxy.protocols import encodings
from proxy.protocols.protocol import (
    DecodedRequest,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    check_event_count,
)
from proxy.routes.receipt import when_durable
from proxy.routes.sender import sender_of
from proxy.transport.body import RefusedBodyError, is_encoded
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import Handler, Routes
from proxy.transport.request import Request
from proxy.transport.response import PendingResponse, Response

_GZIP = "gzip"
_ENCODING = "Content-Encoding"
_NO_HEADERS: Mapping[str, str] = {}
_NO_STORE = {"Cache-Control": "no-store"}


class VendorRoutes:
    """Makes routes of protocols, all on one intake."""

    def __init__(
        self, intake: Intake, clients: ClientSource, cors: Cors, settings: ProxySettings
    ) -> None:
        self._intake = intake
        self._clients = clients
        self._cors = cors
        self._most_inflated_bytes = settings.max_inflated_bytes
        self._most_hits = settings.max_events
        self._debug = settings.debug_header

    def routes(self, protocols: Sequence[Protocol]) -> Routes:
        """Return what stands at the paths of *protocols*, with and without a slash."""
        paths: dict[str, dict[str, Handler]] = {}
        patterns = []
        for protocol in protocols:
            for route in protocol.routes:
                methods = self._methods(protocol.name, route)
                if route.pattern is not None:
                    patterns.append((route.pattern, methods))
                    continue
                for path in (route.path, f"{route.path}/"):
                    paths.setdefault(path, {}).update(methods)
        return Routes(paths, patterns)

    def _methods(self, name: str, route: Route) -> dict[str, Handler]:
        def handle(request: Request) -> Response | PendingResponse:
            return self._handle(name, route, request)

        methods: dict[str, Handler] = dict.fromkeys(route.methods, handle)
        methods["OPTIONS"] = self._preflight
        return methods

    def _preflight(self, request: Request) -> Response:
        headers = self._cors.preflight(request.headers)
        return Response(HTTPStatus.NO_CONTENT, b"", headers)

    def _handle(
        self, name: str, route: Route, request: Request
    ) -> Response | PendingResponse:
        read = route.read(self._vendor_request(route, request))
        if isinstance(read, Reply):
            return self._answer(request, read)
        check_event_count(len(read.hits), self._most_hits)
        return self._take(read.protocol or name, read, request)

    def _take(
        self, name: str, read: DecodedRequest, request: Request
    ) -> Response | PendingResponse:
        sender = sender_of(request, name, self._clients)
        taken = self._intake.take(read.hits, sender)
        debug = taken.receipt.debug_headers() if self._debug else {}
        answer = self._answer(request, read.reply(taken.outcomes), debug)
        return when_durable(taken, answer)

    def _vendor_request(self, route: Route, request: Request) -> VendorRequest:
        if is_encoded(request.headers):
            _check_gzip(request)
        found = None if route.pattern is None else route.pattern.search(request.path)
        return VendorRequest(
            request.method,
            request.path,
            request.query,
            request.headers,
            encodings.decompress_gzip(request.body, self._most_inflated_bytes),
            () if found is None else found.groups(),
        )

    def _answer(
        self, request: Request, reply: Reply, debug: Mapping[str, str] = _NO_HEADERS
    ) -> Response:
        headers = {
            **({"Content-Type": reply.content_type} if reply.body else {}),
            **_NO_STORE,
            **self._cors.headers(request.headers),
            **reply.headers,
            **debug,
        }
        return Response(reply.status, reply.body, headers)


def _check_gzip(request: Request) -> None:
    lines = request.headers.getall(_ENCODING)
    if [line.strip().lower() for line in lines] != [_GZIP]:
        raise RefusedBodyError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body plain or as gzip"
        )
