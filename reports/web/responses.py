"""Responses of the private server: JSON, and a response for each kind of error.

An error response names the rule that was broken, never a value, a client or a
traceback.
"""

import logging
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from config.errors import MillpondError
from config.logs import log_event
from reports.deadline import TooSlowError
from reports.problems import QueryError
from reports.web.query_pool import BusyError

_LOG = logging.getLogger("millpond.reports")
_RETRY_AFTER_S: Final = "2"
# The texts for errors that aiohttp raises. Its own texts may quote the request.
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "this path does not exist",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not accept this method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.EXPECTATION_FAILED: "the only supported Expect is 100-continue",
}
_BAD_REQUEST: Final = "this is not a valid HTTP request"


class RefusedRequestError(MillpondError):
    """A request that gets *status* and a sentence as its response."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def json_response(status: HTTPStatus, value: object) -> web.Response:
    """Return a response with *value* as JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(value) + b"\n",
        content_type="application/json",
    )


def bad_request_response(status: HTTPStatus) -> web.Response:
    """Return the response to bytes that are not an HTTP request."""
    return _closing(_sentence(status, _BAD_REQUEST))


def refusal_response(error: web.HTTPException) -> web.Response:
    """Return the response to a request that aiohttp refused, with our own text."""
    status = HTTPStatus(error.status)
    response = _sentence(status, _SENTENCES.get(status, _BAD_REQUEST))
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return _closing(response)


def error_response(error: Exception) -> web.Response:
    """Return the response to a request that failed with *error*."""
    match error:
        case web.HTTPException():
            response = refusal_response(error)
        case RefusedRequestError():
            response = _closing(_sentence(error.status, error.message))
        case QueryError():
            response = json_response(HTTPStatus.BAD_REQUEST, error.json())
        case TooSlowError():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            response = _sentence(status, error.message, error.hint)
        case BusyError():
            response = _busy(error.message, error.hint)
        case _:
            response = _failure(error)
    return response


def _failure(error: Exception) -> web.Response:
    """Log the class and the place of *error*; return a response without details."""
    log_event(_LOG, "request_failed", level=logging.ERROR, error=error)
    if isinstance(error, OSError):
        # Too many open files, or a disk error: the caller may try again.
        return _busy("the tables cannot be read now")
    return _sentence(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def _busy(message: str, hint: str | None = None) -> web.Response:
    response = _sentence(HTTPStatus.SERVICE_UNAVAILABLE, message, hint)
    response.headers["Retry-After"] = _RETRY_AFTER_S
    return response


def _closing(response: web.Response) -> web.Response:
    # The rest of the request is not read, so the connection cannot be used again.
    response.force_close()
    return response


def _sentence(
    status: HTTPStatus, message: str, hint: str | None = None
) -> web.Response:
    return json_response(status, {"error": message} | ({"hint": hint} if hint else {}))
