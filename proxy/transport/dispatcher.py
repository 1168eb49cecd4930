"""Find the handler of each request by path and method, and answer every failure."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from config.errors import MillpondError, Retryable
from config.logs import log_event
from config.throttle import Throttle
from proxy.pipeline.hit import MalformedBodyError
from proxy.transport.body import RefusedBodyError, check_size
from proxy.transport.cors import Cors
from proxy.transport.problems import ProblemWriter, any_problem, own_problem
from proxy.transport.request import Request
from proxy.transport.response import (
    RETRY_AFTER,
    DateHeader,
    PendingResponse,
    Response,
    json_response,
)

Handler = Callable[[Request], Response | PendingResponse]
Methods = Mapping[str, Handler]

_LOG = logging.getLogger("millpond.proxy")
_LOG_INTERVAL_S = 5.0
_MAX_SEGMENTS = 16
# Disk, directory, counter, descriptors, salts: the request is fine, and the client
# must send again what was not stored. Every other error is a bug.
_MACHINE_ERRORS = (MillpondError, OSError)
# By whether the error is retryable: one that does not heal by itself is an error.
_LEVELS = {True: logging.WARNING, False: logging.ERROR}


class VendorMethods(dict[str, Handler]):
    """The handlers of a vendor's path; *problem* writes errors for its clients."""

    def __init__(self, problem: ProblemWriter) -> None:
        super().__init__()
        self.problem = problem


class Routes:
    """The handlers of fixed paths, and of paths whose end matches a pattern."""

    def __init__(
        self,
        paths: Mapping[str, Methods],
        patterns: Sequence[tuple[re.Pattern[str], Methods]] = (),
    ) -> None:
        self._paths = paths
        self._patterns = patterns

    def __add__(self, other: "Routes") -> "Routes":
        """Return the routes of both; for a path in both, the left one wins."""
        paths = {**other._paths, **self._paths}
        return Routes(paths, [*self._patterns, *other._patterns])

    def methods(self, path: str) -> Methods | None:
        """Return the methods of the longest known end of *path*, None if unknown."""
        if path[:1] != "/":
            return None
        start = 0
        for _ in range(_MAX_SEGMENTS):
            methods = self._methods_of(path[start:])
            if methods is not None:
                return methods
            start = path.find("/", start + 1)
            if start < 0:
                break
        return None

    def _methods_of(self, path_end: str) -> Methods | None:
        methods = self._paths.get(path_end)
        if methods is not None or not self._patterns:
            return methods
        for pattern, pattern_methods in self._patterns:
            if pattern.match(path_end):
                return pattern_methods
        return None


NO_ROUTES = Routes({})


class Dispatcher:
    """Passes each request to its handler; every failure becomes a response.

    A path is found under any prefix, because a site may route any of its own paths
    to the proxy.
    """

    def __init__(
        self,
        routes: Routes,
        *,
        cors: Cors,
        max_body_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.max_body_bytes = max_body_bytes
        # Set when another worker takes over: each connection ends after its response.
        self.is_draining = False
        self._routes = routes
        self._cors = cors
        self._clock = clock
        self._date_header = DateHeader()
        # The log may be on the disk that is full, so repeated errors are counted.
        self._refusals = Throttle(_LOG_INTERVAL_S)
        self._failures = Throttle(_LOG_INTERVAL_S)

    def answer(self, request: Request) -> Response | PendingResponse:
        """Return the response to *request*; raises nothing and logs nothing of it.

        If the write behind a pending response fails, ``answer_failure`` returns the
        response to send instead.
        """
        handler = self._handler(request)
        if isinstance(handler, Response):
            return handler
        try:
            check_size(request.body, self.max_body_bytes)
            return handler(request)
        except Exception as error:  # noqa: BLE001 - the boundary of STYLE 3.6
            return self.answer_failure(request, error)

    def encode(
        self, request: Request, response: Response, connection: bytes = b""
    ) -> bytes:
        """Return the bytes of *response* to *request*."""
        date = self._date_header.line(self._clock())
        to_head = request.method == "HEAD"
        return response.encode(date, to_head=to_head, connection=connection)

    def accepts_body(self, request: Request) -> bool:
        """Return whether a handler exists that can use the body of *request*."""
        return not isinstance(self._handler(request), Response)

    def answer_refused(self, request: Request, refused: RefusedBodyError) -> Response:
        """Return the response to a request whose body was not read to its end."""
        return self._problem(request, refused.status, refused.problem, closes=True)

    def answer_failure(self, request: Request, error: BaseException) -> Response:
        """Return the response after *error*; nothing of the request was stored."""
        if isinstance(error, RefusedBodyError):
            return self.answer_refused(request, error)
        if isinstance(error, MalformedBodyError):
            return self._problem(request, HTTPStatus.BAD_REQUEST, error.problem)
        if isinstance(error, _MACHINE_ERRORS):
            if count := self._refusals.count(self._clock()):
                level = _LEVELS[isinstance(error, Retryable)]
                log_event(_LOG, "refused", level=level, error=error, count=count)
            return self._problem(
                request,
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the events were not kept; send them again",
                RETRY_AFTER,
            )
        if count := self._failures.count(self._clock()):
            log_event(
                _LOG, "request_failed", level=logging.ERROR, error=error, count=count
            )
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return self._problem(request, status, "internal error; it was logged")

    def _handler(self, request: Request) -> Handler | Response:
        methods = self._routes.methods(request.path)
        if methods is None:
            status, problem = HTTPStatus.NOT_FOUND, "nothing at this path"
            return self._response(request, status, any_problem(status, problem))
        handler = methods.get(request.method)
        if handler is not None:
            return handler
        status = HTTPStatus.METHOD_NOT_ALLOWED
        allow = {"Allow": ", ".join(methods)}
        return self._problem(request, status, "method not allowed", allow)

    def _problem(
        self,
        request: Request,
        status: HTTPStatus,
        problem: str,
        headers: Mapping[str, str] | None = None,
        *,
        closes: bool = False,
    ) -> Response:
        """Return *problem* in the words of the vendor whose path this is."""
        methods = self._routes.methods(request.path)
        write: ProblemWriter = own_problem
        if isinstance(methods, VendorMethods):
            write = methods.problem
        body = write(status, problem)
        return self._response(request, status, body, headers, closes=closes)

    def _response(
        self,
        request: Request,
        status: HTTPStatus,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        closes: bool = False,
    ) -> Response:
        """Return a response that a page of a site can read, with all its headers."""
        cors = self._cors.headers(request.headers)
        if cors and headers:
            cors["Access-Control-Expose-Headers"] = ", ".join(headers)
        headers = {**cors, **(headers or {})}
        return json_response(status, body, headers, closes=closes)
