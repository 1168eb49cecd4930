"""The responses of each vendor's collector, as far as its clients read them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.vendors.clients import Protocol
from tests.vendors.recorded_request import RecordedRequest

# Without "surveys": a false value makes the client load the survey script.
_POSTHOG_CONFIG = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "heatmaps": False,
    "capturePerformance": False,
    "autocaptureExceptions": False,
    "captureDeadClicks": False,
    "autocapture_opt_out": True,
}
_POSTHOG_FLAGS = {
    "flags": {},
    "featureFlags": {},
    "featureFlagPayloads": {},
    "errorsWhileComputingFlags": False,
}
_UMAMI = {
    "cache": "remembered",
    "sessionId": "00000000-0000-4000-8000-000000000001",
    "visitId": "00000000-0000-4000-8000-000000000002",
}


@dataclass(frozen=True, slots=True)
class VendorResponse:
    """One answer; the recorder adds the headers that browsers need."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200) -> VendorResponse:
    """Return *value* as JSON."""
    body = json.dumps(value).encode()
    return VendorResponse(status, body, {"Content-Type": "application/json"})


def _posthog(request: RecordedRequest, _own_url: str) -> VendorResponse:
    if request.path.endswith("/config.js"):
        key = json.dumps(request.path.split("/")[-2])
        script = (
            "(function(){var all=window._POSTHOG_REMOTE_CONFIG"
            "=window._POSTHOG_REMOTE_CONFIG||{};"
            f"all[{key}]={{config:{json.dumps(_POSTHOG_CONFIG)},siteApps:[]}};}})();"
        )
        return VendorResponse(200, script.encode(), {"Content-Type": "text/javascript"})
    if request.path.endswith("/config"):
        return json_response(_POSTHOG_CONFIG)
    if request.path.startswith("/flags"):
        return json_response(_POSTHOG_FLAGS)
    if request.path.startswith("/decide"):
        return json_response(_POSTHOG_CONFIG | _POSTHOG_FLAGS)
    if request.path == "/i/v1/analytics/events":
        events = json.loads(request.unpacked)["batch"]
        ok = {"result": "ok"}
        return json_response({"results": {event["uuid"]: ok for event in events}})
    return json_response({"status": "Ok"})


def _segment(request: RecordedRequest, own_url: str) -> VendorResponse:
    if not request.path.endswith("/settings"):
        return json_response({"success": True})
    protocol, _, address = own_url.partition("://")
    key = request.path.split("/")[-2]
    # Without the key here the client sends events without a site.
    collector = {"apiKey": key, "apiHost": f"{address}/v1", "protocol": protocol}
    return json_response({"integrations": {"Segment.io": collector}})


def _rudderstack(request: RecordedRequest, _own_url: str) -> VendorResponse:
    if not request.path.startswith("/sourceConfig"):
        return VendorResponse(200, b"OK", {"Content-Type": "text/plain"})
    source = {"id": "s", "enabled": True, "workspaceId": "w", "destinations": []}
    return json_response({"source": source | {"config": {}}})


def _mixpanel(request: RecordedRequest, _own_url: str) -> VendorResponse:
    if request.path.strip("/") in {"settings", "flags"}:
        return json_response({"flags": {}})
    if "verbose=1" in request.query or b"verbose=1" in request.body:
        return json_response({"status": 1, "error": None})
    return VendorResponse(200, b"1", {"Content-Type": "text/plain"})


_ANSWERS: Mapping[Protocol, Callable[[RecordedRequest, str], VendorResponse]] = {
    Protocol.POSTHOG: _posthog,
    Protocol.SEGMENT: _segment,
    Protocol.RUDDERSTACK: _rudderstack,
    Protocol.MIXPANEL: _mixpanel,
    Protocol.PLAUSIBLE: lambda _asked, _own_url: VendorResponse(202, b"ok"),
    Protocol.UMAMI: lambda _asked, _own_url: json_response(_UMAMI),
    Protocol.GA4: lambda _asked, _own_url: VendorResponse(204),
}


def vendor_response(
    protocol: Protocol, request: RecordedRequest, own_url: str
) -> VendorResponse:
    """Return the response that the clients of *protocol* expect.

    *own_url* is the address of the collector, for settings that contain it.
    """
    if request.method == "OPTIONS":
        return VendorResponse(204)
    return _ANSWERS[protocol](request, own_url)
