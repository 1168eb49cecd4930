"""The bodies of error responses: for our own paths, and for paths nobody knows."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

# Returns the body of an error response from its status and what is wrong.
ProblemWriter = Callable[[HTTPStatus, str], bytes]


def own_problem(_status: HTTPStatus, text: str) -> bytes:
    """Return Millpond's own form."""
    return msgspec.json.encode({"error": text}) + b"\n"


def any_problem(status: HTTPStatus, text: str) -> bytes:
    """Return the fields that the clients of all vendors read.

    A client that was set up with a wrong path must not crash either.
    """
    fields = {"error": text, "status": 0, "success": False, "code": code_of(status)}
    return msgspec.json.encode({**fields, "message": text, "detail": text}) + b"\n"


def code_of(status: HTTPStatus, separator: str = "_") -> str:
    """Return the name of *status*, such as ``not_found``."""
    return status.name.lower().replace("_", separator)
