"""Answers Segment's browser client when it asks where to send its calls.

The reply holds nothing about a site or a visitor. It accepts an unknown key, because
the calls with that key are refused later.
"""

import re
from http import HTTPStatus

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols.protocol import Reply, VendorRequest, json_reply

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
    host = request.header("Host") or ""
    (key,) = request.path_parameters
    prefix = request.path.removesuffix(f"/v1/projects/{key}/settings")
    if not (
        _HOST.fullmatch(host) and _PREFIX.fullmatch(prefix) and _KEY.fullmatch(key)
    ):
        raise MalformedBodyError("this host, path or key cannot be used in settings")
    collector = {
        # Without the key here, the client's calls name no site.
        "apiKey": key,
        "apiHost": f"{host}{prefix}/v1",
        "protocol": "http" if _is_plain(request, host) else "https",
    }
    settings = {
        "integrations": {"Segment.io": collector},
        "metrics": {"sampleRate": 0},
    }
    return json_reply(settings, headers=SHORT_CACHE)


def refuse_script(_request: VendorRequest) -> Reply:
    """Refuse the script that the vendor's snippet loads, and say what to do instead."""
    return json_reply({"error": _NO_SCRIPT}, HTTPStatus.NOT_FOUND)


def _is_plain(request: VendorRequest, host: str) -> bool:
    """Whether the browser uses plain HTTP.

    It does if its page on this same host does, or if the host is the browser's own
    machine. A page on another host does not show how this host is reached.
    """
    page = request.header("Origin") or request.header("Referer") or ""
    name = _PORT.sub("", host).lower()
    return (
        f"{page}/".startswith(f"http://{host}/")
        or name in _LOOPBACK
        or name.endswith(".localhost")
    )
