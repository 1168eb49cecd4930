"""Answers Segment's browser client when it asks where to send its calls.

The reply holds nothing about a site or a visitor. It accepts an unknown key, because
the calls with that key are refused later.
"""

import re
from http import HTTPStatus

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols.protocol import (
    PublicAddress,
    Reply,
    VendorRequest,
    json_reply,
)

# Private, because the reply depends on the URL and the headers of the request.
SHORT_CACHE = {"Cache-Control": "private, max-age=300"}

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_PORT = re.compile(r":[0-9]+$")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NO_SCRIPT = (
    "Millpond does not serve the client: bundle @segment/analytics-next with your"
    " site, see docs/migrate-segment.md"
)


def read_settings(request: VendorRequest) -> Reply:
    """Return settings that make the client send its calls here, under this prefix."""
    (key,) = request.path_parameters
    address = request.address or PublicAddress("")
    prefix = address.path
    if prefix is None:
        prefix = request.path.removesuffix(f"/v1/projects/{key}/settings")
    is_usable = _HOST.fullmatch(address.host) and _PREFIX.fullmatch(prefix)
    if not (is_usable and _KEY.fullmatch(key)):
        raise MalformedBodyError("this host, path or key cannot be used in settings")
    collector = {
        # Without the key here, the client's calls name no site.
        "apiKey": key,
        "apiHost": f"{address.host}{prefix}/v1",
        "protocol": _scheme(request, address),
    }
    settings = {
        "integrations": {"Segment.io": collector},
        "metrics": {"sampleRate": 0},
    }
    return json_reply(settings, headers=SHORT_CACHE)


def refuse_script(_request: VendorRequest) -> Reply:
    """Refuse the script that the vendor's snippet loads, and say what to do instead."""
    return json_reply({"error": _NO_SCRIPT}, HTTPStatus.NOT_FOUND)


def _scheme(request: VendorRequest, address: PublicAddress) -> str:
    """Return the scheme the browser uses.

    A page with TLS can call nothing else, whatever a web server says behind a CDN. A
    page without it on this same host shows that the host is reached without. A page on
    another host does not show how this host is reached.
    """
    host, page = address.host, request.header("Origin") or request.header("Referer")
    if address.path is not None and address.scheme is not None:
        return address.scheme
    if f"{page}".startswith("https://"):
        return "https"
    if f"{page}/".startswith(f"http://{host}/"):
        return "http"
    if address.scheme is not None:
        return address.scheme
    name = _PORT.sub("", host).lower()
    is_own_machine = name in _LOOPBACK or name.endswith(".localhost")
    return "http" if is_own_machine else "https"
