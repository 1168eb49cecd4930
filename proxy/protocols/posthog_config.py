"""What PostHog's clients ask before they send: their settings, flags and extras.

Everybody is told the same: to compress, and to leave off what would be refused. Nothing
is asked for then that does not stand here, so nothing of a visitor is looked at.
"""

import re
from http import HTTPStatus
from typing import Any

import msgspec

from proxy.protocols.protocol import Reply, VendorRequest

_KEY = re.compile(r"[\w.-]{1,200}", re.ASCII)
_CACHED = {"Cache-Control": "public, max-age=300"}
_SCRIPT = (
    "(function(){{var all=window._POSTHOG_REMOTE_CONFIG"
    "=window._POSTHOG_REMOTE_CONFIG||{{}};"
    'all["{key}"]={{config:{config},siteApps:[]}};}})();'
)
# Without "surveys": even a false one makes the client fetch the script that shows them.
_CONFIG: dict[str, Any] = {
    "supportedCompression": ["gzip", "gzip-js"],
    # Put behind the client's own host, whatever its prefix.
    "analytics": {"endpoint": "/i/v0/e/"},
    "hasFeatureFlags": False,
    "defaultIdentifiedOnly": True,
    "autocapture_opt_out": True,
    "autocaptureExceptions": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "heatmaps": False,
    "sessionRecording": False,
    "siteApps": [],
    "toolbarParams": {},
    "isAuthenticated": False,
}
_FLAGS: dict[str, Any] = {
    "flags": {},
    "featureFlags": {},
    "featureFlagPayloads": {},
    "errorsWhileComputingFlags": False,
}
_CONFIG_JSON = msgspec.json.encode(_CONFIG)
_CONFIG_REPLY = Reply(_CONFIG_JSON, headers=_CACHED)
_FLAGS_REPLY = Reply(msgspec.json.encode(_FLAGS))
_DECIDE_REPLY = Reply(msgspec.json.encode(_CONFIG | _FLAGS))
_NO_KEY = Reply(b'{"error":"this is no key of a site"}', HTTPStatus.NOT_FOUND)


def read_script(request: VendorRequest) -> Reply:
    """Answer the script that sets the client up for the key in its path."""
    key = request.named[0]
    if _KEY.fullmatch(key) is None:
        return _NO_KEY
    script = _SCRIPT.format(key=key, config=_CONFIG_JSON.decode())
    return Reply(
        script.encode(),
        content_type="application/javascript; charset=utf-8",
        headers=_CACHED,
    )


def read_config(_request: VendorRequest) -> Reply:
    """Answer the same settings as JSON, for clients that load no script."""
    return _CONFIG_REPLY


def read_flags(_request: VendorRequest) -> Reply:
    """Answer that there are no flags; the profile that was sent is not looked at."""
    return _FLAGS_REPLY


def read_decide(_request: VendorRequest) -> Reply:
    """Answer settings and flags in one, as clients before 1.200 ask for them."""
    return _DECIDE_REPLY
