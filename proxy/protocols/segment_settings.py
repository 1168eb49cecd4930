"""What Segment's browser client asks before it sends: where to.

The answer holds nothing of a site and nothing of a visitor; a key that no site has is
refused when its calls come.
"""

import re
from http import HTTPStatus

from proxy.pipeline.hit import MalformedBodyError
from proxy.protocols.protocol import Reply, VendorRequest, json_reply

# Only for the browser that asked: what it is told depends on how it asked.
BRIEFLY = {"Cache-Control": "private, max-age=300"}

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_KEY = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_PORT = re.compile(r":[0-9]+$")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NO_SCRIPT = (
    "the client itself is not served here: bundle @segment/analytics-next with your"
    " site, see docs/migrate-segment.md"
)


def read_settings(request: VendorRequest) -> Reply:
    """Return the settings that send a client's calls here, under the same prefix."""
    host = request.header("Host") or ""
    (key,) = request.named
    prefix = request.path.removesuffix(f"/v1/projects/{key}/settings")
    if not (
        _HOST.fullmatch(host) and _PREFIX.fullmatch(prefix) and _KEY.fullmatch(key)
    ):
        raise MalformedBodyError("the settings cannot name this host, path or key")
    collector = {
        # Without it here the client sends calls that name no site.
        "apiKey": key,
        "apiHost": f"{host}{prefix}/v1",
        "protocol": "http" if _is_plain(request, host) else "https",
    }
    settings = {
        "integrations": {"Segment.io": collector},
        "metrics": {"sampleRate": 0},
    }
    return json_reply(settings, headers=BRIEFLY)


def read_script(_request: VendorRequest) -> Reply:
    """Refuse the script that the vendor's snippet loads, and say what to do."""
    return json_reply({"error": _NO_SCRIPT}, HTTPStatus.NOT_FOUND)


def _is_plain(request: VendorRequest, host: str) -> bool:
    """Whether the browser came without TLS: its page did, or this is its machine.

    A page of another host says nothing of how this one is reached.
    """
    page = request.header("Origin") or request.header("Referer") or ""
    name = _PORT.sub("", host).lower()
    return (
        f"{page}/".startswith(f"http://{host}/")
        or name in _LOOPBACK
        or name.endswith(".localhost")
    )
