"""What Segment's browser client asks before it sends: where to.

The answer holds nothing of a site and nothing of a visitor; a key that no site has is
refused when its calls come.
"""

import re
from http import HTTPStatus

import msgspec

from proxy.hit import MalformedBodyError
from proxy.protocols.protocol import Reply, VendorRequest

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
    """Return the settings that send a client's calls here, under the same prefix.

    Nothing in a request says surely whether its browser came by TLS: pages have it,
    save where the host is this machine.
    """
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
        "protocol": "http" if _is_loopback(host) else "https",
    }
    settings = {
        "integrations": {"Segment.io": collector},
        "metrics": {"sampleRate": 0},
    }
    return Reply(msgspec.json.encode(settings), headers=BRIEFLY)


def read_script(_request: VendorRequest) -> Reply:
    """Refuse the script that the vendor's snippet loads, and say what to do."""
    body = msgspec.json.encode({"error": _NO_SCRIPT})
    return Reply(body, HTTPStatus.NOT_FOUND)


def _is_loopback(host: str) -> bool:
    name = _PORT.sub("", host).lower()
    return name in _LOOPBACK or name.endswith(".localhost")
