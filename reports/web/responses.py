"""Answers of the private server: JSON, and an answer for each kind of error.

An error answer names the rule that was broken, never a value, a client or a traceback.
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
# What aiohttp refuses by itself. Its own texts may quote the request.
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "there is no such path",
    HTTPStatus.METHOD_NOT_ALLOWED: "use another method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
    HTTPStatus.EXPECTATION_FAILED: "only 100-continue may be expected",
}
_NOT_UNDERSTOOD: Final = "this is not a request Millpond understands"


class RefusedRequestError(MillpondError):
    """A request that is answered with *status* and a sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def json_response(status: HTTPStatus, value: object) -> web.Response:
    """Return *value* as an answer in JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(value) + b"\n",
        content_type="application/json",
    )


def bad_request_response(status: HTTPStatus) -> web.Response:
    """Return the answer to bytes that are not an HTTP request."""
    return _closing(_sentence(status, _NOT_UNDERSTOOD))


def refusal_response(error: web.HTTPException) -> web.Response:
    """Return the answer to a request that aiohttp refused, in our words."""
    status = HTTPStatus(error.status)
    answer = _sentence(status, _SENTENCES.get(status, _NOT_UNDERSTOOD))
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return _closing(answer)


def error_response(error: Exception) -> web.Response:
    """Return the answer to a request that failed with *error*."""
    match error:
        case web.HTTPException():
            answer = refusal_response(error)
        case RefusedRequestError():
            answer = _closing(_sentence(error.status, error.message))
        case QueryError():
            answer = json_response(HTTPStatus.BAD_REQUEST, error.json())
        case TooSlowError():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            answer = _sentence(status, error.message, error.hint)
        case BusyError():
            answer = _busy(error.message, error.hint)
        case _:
            answer = _failure(error)
    return answer


def _failure(error: Exception) -> web.Response:
    """Log *error* by its kind and place; return what a caller may know of it."""
    log_event(_LOG, "request_failed", level=logging.ERROR, error=error)
    if isinstance(error, OSError):
        # No descriptor, or a disk that fails: the question may be asked again.
        return _busy("the tables cannot be read now")
    return _sentence(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def _busy(message: str, hint: str | None = None) -> web.Response:
    answer = _sentence(HTTPStatus.SERVICE_UNAVAILABLE, message, hint)
    answer.headers["Retry-After"] = _RETRY_AFTER_S
    return answer


def _closing(answer: web.Response) -> web.Response:
    # What is left of the request is not read.
    answer.force_close()
    return answer


def _sentence(
    status: HTTPStatus, message: str, hint: str | None = None
) -> web.Response:
    said = {"error": message} | ({"hint": hint} if hint else {})
    return json_response(status, said)
