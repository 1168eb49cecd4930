"""The bodies of error responses, in the words that each vendor's clients read.

Some clients read fields of an error without looking whether they are there, and crash
in the calling application. Others take an error without their fields for a fault of the
network, and send again and again what is refused for good.
"""

from http import HTTPStatus

import msgspec

from proxy.transport.problems import code_of


def mixpanel_problem(status: HTTPStatus, text: str) -> bytes:
    """Return the form of a request with ``verbose=1``.

    Python and Node read ``status`` and ``error``. Without ``verbose`` a client compares
    the body with ``1``, so this body is an error for it too.
    """
    return msgspec.json.encode({"code": status, "status": 0, "error": text})


def posthog_problem(status: HTTPStatus, text: str) -> bytes:
    """Return PostHog's form; its clients show ``detail``."""
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if is_ours else "validation_error"
    fields = {"type": kind, "code": code_of(status), "detail": text, "attr": None}
    return msgspec.json.encode(fields)


def shared_problem(status: HTTPStatus, text: str) -> bytes:
    """Return the fields of Mixpanel and PostHog, for the paths that both use."""
    fields = {"code": status, "status": 0, "error": text, "detail": text}
    return msgspec.json.encode(fields)


def segment_problem(status: HTTPStatus, text: str) -> bytes:
    """Return the form of Segment and RudderStack; clients read code and message."""
    fields = {"success": False, "code": code_of(status), "message": text}
    return msgspec.json.encode(fields)


def umami_problem(status: HTTPStatus, text: str) -> bytes:
    """Return Umami's form."""
    fields = {"message": text, "code": code_of(status, "-"), "status": status}
    return msgspec.json.encode({"error": fields})


def ga4_problem(status: HTTPStatus, text: str) -> bytes:
    """Return the form of Google's interfaces."""
    fields = {"code": status, "message": text, "status": code_of(status).upper()}
    return msgspec.json.encode({"error": fields})
