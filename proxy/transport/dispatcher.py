"""The door: a request goes in, one answer comes out, whatever happens in between."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec

from config.errors import MillpondError, Retryable
from config.logs import log_event
from config.throttle import Throttle
from proxy.pipeline.hit import MalformedBodyError
from proxy.transport.body import RefusedBodyError, check_size
from proxy.transport.cors import Cors
from proxy.transport.request import Request
from proxy.transport.response import (
    RETRY_AFTER,
    Dates,
    PendingResponse,
    Response,
    json_response,
)

Handler = Callable[[Request], Response | PendingResponse]
Methods = Mapping[str, Handler]

_LOG = logging.getLogger("millpond.proxy")
_SAY_EVERY_S = 5.0
_MOST_SEGMENTS = 16
# Disk, directory, counter, descriptors, salts: nothing is wrong with the request, and
# what was not kept must be sent again. Everything else is a fault of the code.
_OF_THE_MACHINE = (MillpondError, OSError)
# What does not heal by itself is an error.
_LEVELS = {True: logging.WARNING, False: logging.ERROR}


class Routes:
    """What stands at each path, and at paths whose end matches a pattern."""

    def __init__(
        self,
        paths: Mapping[str, Methods],
        patterns: Sequence[tuple[re.Pattern[str], Methods]] = (),
    ) -> None:
        self._paths = paths
        self._patterns = patterns

    def __add__(self, other: "Routes") -> "Routes":
        """Return both; where both have a path, the first stays."""
        paths = {**other._paths, **self._paths}
        return Routes(paths, [*self._patterns, *other._patterns])

    def methods(self, path: str) -> Methods | None:
        """Return what can be done at *path*: its longest end that is known counts."""
        if path[:1] != "/":
            return None
        start = 0
        for _ in range(_MOST_SEGMENTS):
            found = self._at(path[start:])
            if found is not None:
                return found
            start = path.find("/", start + 1)
            if start < 0:
                break
        return None

    def _at(self, end: str) -> Methods | None:
        found = self._paths.get(end)
        if found is not None or not self._patterns:
            return found
        matching = (each for pattern, each in self._patterns if pattern.match(end))
        return next(matching, None)


NO_ROUTES = Routes({})


class Dispatcher:
    """Dispatches by path and method; every failure becomes an answer.

    A path is found under any prefix, for a site may route any of its own to us.
    """

    def __init__(
        self,
        routes: Routes,
        *,
        cors: Cors,
        most_body_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.most_body_bytes = most_body_bytes
        self._routes = routes
        self._cors = cors
        self._clock = clock
        self._dates = Dates()
        # The log may lie on the very disk that is full.
        self._refusals = Throttle(_SAY_EVERY_S)
        self._failures = Throttle(_SAY_EVERY_S)

    def answer(self, request: Request) -> Response | PendingResponse:
        """Return the answer to *request*; nothing of it reaches a log, and no error.

        It may hold only later; if what it waits for fails, ``failed`` is the answer.
        """
        handler = self._handler(request)
        if isinstance(handler, Response):
            return handler
        try:
            check_size(request.body, self.most_body_bytes)
            return handler(request)
        except RefusedBodyError as refused:
            return self.refused(request, refused)
        except MalformedBodyError as malformed:
            return self._problem(request, HTTPStatus.BAD_REQUEST, malformed.problem)
        except Exception as error:  # noqa: BLE001 - the boundary of STYLE 3.6
            return self.failed(request, error)

    def wire(
        self, request: Request, answer: Response, connection: bytes = b""
    ) -> bytes:
        """Return *answer* as the bytes *request* is answered with."""
        date = self._dates.line(self._clock())
        to_head = request.method == "HEAD"
        return answer.wire(date, to_head=to_head, connection=connection)

    def accepts_body(self, request: Request) -> bool:
        """Whether there is something to do with the body of *request*."""
        return not isinstance(self._handler(request), Response)

    def refused(self, request: Request, refused: RefusedBodyError) -> Response:
        """Return the answer to a body that was not read to its end."""
        return self._problem(request, refused.status, refused.problem, closes=True)

    def failed(self, request: Request, error: BaseException) -> Response:
        """Return the answer to a request that *error* ended: nothing of it was kept."""
        if isinstance(error, _OF_THE_MACHINE):
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
        return self._problem(request, status, "a fault of ours, logged")

    def _handler(self, request: Request) -> Handler | Response:
        methods = self._routes.methods(request.path)
        if methods is None:
            return self._problem(request, HTTPStatus.NOT_FOUND, "nothing at this path")
        handler = methods.get(request.method)
        if handler is not None:
            return handler
        status = HTTPStatus.METHOD_NOT_ALLOWED
        allow = {"Allow": ", ".join(methods)}
        return self._problem(request, status, "not with this method", allow)

    def _problem(
        self,
        request: Request,
        status: HTTPStatus,
        problem: str,
        headers: Mapping[str, str] | None = None,
        *,
        closes: bool = False,
    ) -> Response:
        """Say what is wrong, also to the script of a known page on another host."""
        body = msgspec.json.encode({"error": problem}) + b"\n"
        headers = {**self._cors.headers(request.headers), **(headers or {})}
        return json_response(status, body, headers, closes=closes)
