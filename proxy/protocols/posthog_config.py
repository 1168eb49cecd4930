"""Answers PostHog's clients before they send events: settings and feature flags.

All clients get the same settings: compress bodies, and turn off everything Millpond
would drop. The replies need nothing about the visitor, so none of it is read.
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
# No "surveys" entry: even if it is false, the client fetches the survey script.
_CONFIG: dict[str, Any] = {
    "supportedCompression": ["gzip", "gzip-js"],
    # The client appends this path to its own host and prefix.
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
_NO_KEY = Reply(b'{"error":"this is not a site key"}', HTTPStatus.NOT_FOUND)


def read_script(request: VendorRequest) -> Reply:
    """Return the script with the client's settings, for the key in its path."""
    key = request.path_parameters[0]
    if _KEY.fullmatch(key) is None:
        return _NO_KEY
    script = _SCRIPT.format(key=key, config=_CONFIG_JSON.decode())
    return Reply(
        script.encode(),
        content_type="application/javascript; charset=utf-8",
        headers=_CACHED,
    )


def read_config(_request: VendorRequest) -> Reply:
    """Return the same settings as JSON, for clients that load no script."""
    return _CONFIG_REPLY


def read_flags(_request: VendorRequest) -> Reply:
    """Return that there are no feature flags; the client's profile is not read."""
    return _FLAGS_REPLY


def read_decide(_request: VendorRequest) -> Reply:
    """Return settings and flags together, for clients before 1.200."""
    return _DECIDE_REPLY
