"""The routes of vendors' protocols: decode, hand hits to the intake, reply."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from config.settings import ProxySettings
from proxy.client.client import ClientSource
from proxy.intake.intake import Intake, PendingReceipt
from proxy.intake.slices import is_large
from proxy.protocols import encodings
from proxy.protocols.protocol import (
    DecodedRequest,
    Protocol,
    Reply,
    Route,
    VendorRequest,
    check_event_count,
)
from proxy.routes.public_address import PublicAddresses
from proxy.routes.receipt import answer_large, when_durable
from proxy.routes.sender import sender_of
from proxy.transport.body import RefusedBodyError, is_encoded
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import Routes, VendorMethods
from proxy.transport.request import Request
from proxy.transport.response import PendingResponse, Response

_GZIP = "gzip"
_ENCODING = "Content-Encoding"
_NO_HEADERS: Mapping[str, str] = {}
_NO_STORE = {"Cache-Control": "no-store"}


class VendorRoutes:
    """Builds the routes of protocols, all on one intake."""

    def __init__(
        self, intake: Intake, clients: ClientSource, cors: Cors, settings: ProxySettings
    ) -> None:
        self._intake = intake
        self._clients = clients
        self._cors = cors
        self._addresses = PublicAddresses(settings, clients)
        self._max_inflated_bytes = settings.max_inflated_bytes
        self._max_hits = settings.max_events
        self._has_debug_header = settings.debug_header

    def routes(self, protocols: Sequence[Protocol]) -> Routes:
        """Return the handlers of *protocols*, by path with and without a slash."""
        paths: dict[str, VendorMethods] = {}
        patterns = []
        for protocol in protocols:
            for route in protocol.routes:
                methods = self._methods(protocol, route)
                if route.pattern is not None:
                    patterns.append((route.pattern, methods))
                    continue
                for path in (route.path, f"{route.path}/"):
                    known = paths.setdefault(path, VendorMethods(protocol.problem))
                    known.update(methods)
        return Routes(paths, patterns)

    def _methods(self, protocol: Protocol, route: Route) -> VendorMethods:
        def handle(request: Request) -> Response | PendingResponse:
            return self._handle(protocol.name, route, request)

        methods = VendorMethods(protocol.problem)
        methods.update(dict.fromkeys(route.methods, handle))
        methods["OPTIONS"] = self._answer_preflight
        return methods

    def _answer_preflight(self, request: Request) -> Response:
        headers = self._cors.preflight_headers(request.headers)
        return Response(HTTPStatus.NO_CONTENT, b"", headers)

    def _handle(
        self, protocol_name: str, route: Route, request: Request
    ) -> Response | PendingResponse:
        vendor_request = self._vendor_request(route, request)
        size_bytes = len(vendor_request.body)
        if is_large(0, size_bytes):
            read = partial(route.read, vendor_request)
            large = self._handle_large(protocol_name, request, read, size_bytes)
            return PendingResponse(self._intake.start(large))
        decoded = route.read(vendor_request)
        return self._store(protocol_name, request, decoded, size_bytes)

    async def _handle_large(
        self,
        protocol_name: str,
        request: Request,
        read: Callable[[], Reply | DecodedRequest],
        size_bytes: int,
    ) -> Response:
        decoded = await self._intake.read_beside(read)
        response = self._store(protocol_name, request, decoded, size_bytes)
        if isinstance(response, Response):
            return response
        await response.durable
        return response.result()

    def _store(
        self,
        protocol_name: str,
        request: Request,
        decoded: Reply | DecodedRequest,
        size_bytes: int,
    ) -> Response | PendingResponse:
        if isinstance(decoded, Reply):
            return self._response(request, decoded)
        check_event_count(len(decoded.hits), self._max_hits)
        hits = decoded.hits
        sender = sender_of(request, decoded.protocol or protocol_name, self._clients)
        if decoded.is_trial:
            return self._response(
                request, decoded.reply(self._intake.preview(hits, sender))
            )
        if is_large(len(hits), size_bytes):
            return answer_large(
                self._intake,
                hits,
                sender,
                lambda pending: self._receipt_response(request, decoded, pending),
            )
        pending = self._intake.receive(hits, sender)
        response = self._receipt_response(request, decoded, pending)
        return when_durable(pending, response)

    def _receipt_response(
        self, request: Request, decoded: DecodedRequest, pending: PendingReceipt
    ) -> Response:
        debug = pending.receipt.debug_headers() if self._has_debug_header else {}
        return self._response(request, decoded.reply(pending.outcomes), debug)

    def _vendor_request(self, route: Route, request: Request) -> VendorRequest:
        if is_encoded(request.headers):
            _check_gzip(request)
        match = None if route.pattern is None else route.pattern.search(request.path)
        return VendorRequest(
            request.method,
            request.path,
            request.query,
            request.headers,
            encodings.decompress_gzip(request.body, self._max_inflated_bytes),
            () if match is None else match.groups(),
            self._addresses.of(request) if route.names_itself else None,
            most_events=self._max_hits,
        )

    def _response(
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
